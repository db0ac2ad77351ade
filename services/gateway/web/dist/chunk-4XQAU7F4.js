import{$ as In,A as p,Ab as rt,Ba as Wn,Bb as Zn,Ca as Gn,E as An,Ea as ht,F as kn,Fa as zn,G as On,M as bt,Ma as E,N as jn,Na as Y,Oa as U,P as ft,Ra as vt,U as u,Ub as Zo,V as Z,Vb as Yn,X as _,Xa as Kn,Y as f,Ya as nt,Z as c,Zb as Qn,a as k,b as Tn,ba as Ln,bc as X,cc as Xn,ea as Vn,ec as tr,g as Sn,ga as q,h as ot,ha as O,hb as gt,i as En,ia as Fn,ib as yt,jb as I,ka as Ko,kc as er,la as T,m as $n,nc as or,oa as S,oc as nr,pa as qn,pb as Ht,pc as rr,q as l,qb as Q,r as s,rc as m,s as Dn,sc as ir,ta as B,tc as H,ua as Bn,v as Mn,va as Un,wa as Nn,xa as Jn,xc as sr}from"./chunk-XPJDGHOK.js";var y=class r{rootUrl="";static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var R=class r{constructor(e,t){this.config=e;this.http=t}config;http;_rootUrl;get rootUrl(){return this._rootUrl||this.config.rootUrl}set rootUrl(e){this._rootUrl=e}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac})};var Yo=class{encodeKey(e){return encodeURIComponent(e)}encodeValue(e){return encodeURIComponent(e)}decodeKey(e){return decodeURIComponent(e)}decodeValue(e){return decodeURIComponent(e)}},Ur=new Yo,it=class{constructor(e,t,o,n,i){this.name=e;this.value=t;this.options=o;this.options=o||{},(this.options.style===null||this.options.style===void 0)&&(this.options.style=n),(this.options.explode===null||this.options.explode===void 0)&&(this.options.explode=i)}name;value;options;serializeValue(e,t=","){if(e==null)return"";if(e instanceof Array)return e.map(o=>this.serializeValue(o).split(t).join(encodeURIComponent(t))).join(t);if(typeof e=="object"){let o=[];for(let n of Object.keys(e)){let i=e[n];i!=null&&(i=this.serializeValue(i).split(t).join(encodeURIComponent(t)),this.options.explode?o.push(`${n}=${i}`):(o.push(n),o.push(i)))}return o.join(t)}else return String(e)}},Qo=class extends it{constructor(e,t,o){super(e,t,o,"simple",!1)}append(e){let t=this.value;t==null&&(t="");let o=this.options.style==="label"?".":"",n=this.options.explode?o===""?",":o:",",i=!1;return this.options.style==="matrix"&&(o=`;${this.name}=`,this.options.explode&&typeof t=="object"&&(o=";",t instanceof Array?(t=t.map(d=>`${this.name}=${this.serializeValue(d,";")}`),t=t.join(";"),i=!0):(t=this.serializeValue(t,";"),i=!0))),t=o+(i?t:this.serializeValue(t,n)),e=e.replace(`{${this.name}}`,t),e=e.replace(`{${o}${this.name}${this.options.explode?"*":""}}`,t),e}serializeValue(e,t=","){var o=typeof e=="string"?encodeURIComponent(e):super.serializeValue(e,t);return o=o.replace(/%3D/g,"="),o=o.replace(/%3B/g,";"),o=o.replace(/%2C/g,","),o}},Xo=class extends it{constructor(e,t,o){super(e,t,o,"form",!0)}append(e){if(this.value instanceof Array)if(this.options.explode)for(let t of this.value)e=e.append(this.name,this.serializeValue(t));else{let t=this.options.style==="spaceDelimited"?" ":this.options.style==="pipeDelimited"?"|":",";return e.append(this.name,this.serializeValue(this.value,t))}else if(this.value!==null&&typeof this.value=="object")if(this.options.style==="deepObject")for(let t of Object.keys(this.value)){let o=this.value[t];o!=null&&(e=e.append(`${this.name}[${t}]`,this.serializeValue(o)))}else if(this.options.explode)for(let t of Object.keys(this.value)){let o=this.value[t];o!=null&&(e=e.append(t,this.serializeValue(o)))}else{let t=[];for(let o of Object.keys(this.value)){let n=this.value[o];n!=null&&(t.push(o),t.push(n))}e=e.append(this.name,this.serializeValue(t))}else this.value!==null&&this.value!==void 0&&(e=e.append(this.name,this.serializeValue(this.value)));return e}},tn=class extends it{constructor(e,t,o){super(e,t,o,"simple",!1)}append(e){if(this.value!==null&&this.value!==void 0)if(this.value instanceof Array)for(let t of this.value)e=e.append(this.name,this.serializeValue(t));else e=e.append(this.name,this.serializeValue(this.value));return e}},a=class{constructor(e,t,o){this.rootUrl=e;this.operationPath=t;this.method=o}rootUrl;operationPath;method;_path=new Map;_query=new Map;_header=new Map;_bodyContent;_bodyContentType;path(e,t,o){this._path.set(e,new Qo(e,t,o||{}))}query(e,t,o){this._query.set(e,new Xo(e,t,o||{}))}header(e,t,o){this._header.set(e,new tn(e,t,o||{}))}body(e,t="application/json"){if(e instanceof Blob?this._bodyContentType=e.type:this._bodyContentType=t,this._bodyContentType==="application/x-www-form-urlencoded"&&e!==null&&typeof e=="object"){let o=[];for(let n of Object.keys(e)){let i=e[n];i instanceof Array||(i=[i]);for(let d of i){let b=this.formDataValue(d);b!==null&&o.push([n,b])}}this._bodyContent=o.map(n=>`${encodeURIComponent(n[0])}=${encodeURIComponent(n[1])}`).join("&")}else if(this._bodyContentType==="multipart/form-data"){let o=new FormData;if(e!=null)for(let n of Object.keys(e)){let i=e[n];if(i instanceof Array)for(let d of i){let b=this.formDataValue(d);b!==null&&o.append(n,b)}else{let d=this.formDataValue(i);d!==null&&o.set(n,d)}}this._bodyContent=o}else this._bodyContent=e}formDataValue(e){return e==null?null:e instanceof Blob?e:typeof e=="object"?new Blob([JSON.stringify(e)],{type:"application/json"}):String(e)}build(e){e=e||{};let t=this.operationPath;for(let d of this._path.values())t=d.append(t);let o=this.rootUrl+t,n=new nr({encoder:Ur});for(let d of this._query.values())n=d.append(n);let i=new or;e.accept&&(i=i.append("Accept",e.accept));for(let d of this._header.values())i=d.append(i);return this._bodyContentType&&!(this._bodyContent instanceof FormData)&&(i=i.set("Content-Type",this._bodyContentType)),new rr(this.method.toUpperCase(),o,this._bodyContent,{params:n,headers:i,responseType:e.responseType,reportProgress:e.reportProgress,context:e.context})}};function Rt(r,e,t,o){let n=new a(e,Rt.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Rt.PATH="/auth/keys";function Pt(r,e,t,o){let n=new a(e,Pt.PATH,"post");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Pt.PATH="/auth/link";function xt(r,e,t,o){let n=new a(e,xt.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}xt.PATH="/auth/projects";function Ct(r,e,t,o){let n=new a(e,Ct.PATH,"post");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ct.PATH="/live/tickets";function wt(r,e,t,o){let n=new a(e,wt.PATH,"post");return t&&n.path("user_id",t.user_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}wt.PATH="/auth/users/{user_id}/disable";function _t(r,e,t,o){let n=new a(e,_t.PATH,"post");return t&&n.path("user_id",t.user_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}_t.PATH="/auth/users/{user_id}/enable";function Tt(r,e,t,o){let n=new a(e,Tt.PATH,"get");return t&&(n.query("subject",t.subject,{}),n.query("resource",t.resource,{}),n.query("action",t.action,{}),n.query("since",t.since,{}),n.query("until",t.until,{})),r.request(n.build({responseType:"blob",accept:"application/x-ndjson",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Tt.PATH="/audit/export";function St(r,e,t,o){let n=new a(e,St.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{}),n.query("subject",t.subject,{}),n.query("resource",t.resource,{}),n.query("action",t.action,{}),n.query("since",t.since,{}),n.query("until",t.until,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}St.PATH="/audit";function Et(r,e,t,o){let n=new a(e,Et.PATH,"get");return t&&(n.query("room",t.room,{}),n.query("limit",t.limit,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Et.PATH="/events/dead";function $t(r,e,t,o){let n=new a(e,$t.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}$t.PATH="/auth/keys";function Dt(r,e,t,o){let n=new a(e,Dt.PATH,"get");return t&&n.path("project",t.project,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Dt.PATH="/auth/projects/{project}/members";function Mt(r,e,t,o){let n=new a(e,Mt.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Mt.PATH="/auth/projects";function At(r,e,t,o){let n=new a(e,At.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}At.PATH="/auth/users";function kt(r,e,t,o){let n=new a(e,kt.PATH,"delete");return t&&(n.path("project",t.project,{}),n.path("user",t.user,{})),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}kt.PATH="/auth/projects/{project}/members/{user}";function Ot(r,e,t,o){let n=new a(e,Ot.PATH,"post");return t&&n.path("letter_id",t.letter_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ot.PATH="/events/dead/{letter_id}/replay";function jt(r,e,t,o){let n=new a(e,jt.PATH,"post");return t&&n.query("room",t.room,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}jt.PATH="/events/dead/replay";function It(r,e,t,o){let n=new a(e,It.PATH,"delete");return t&&(n.path("key_id",t.key_id,{}),n.query("keep_created",t.keep_created,{})),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}It.PATH="/auth/keys/{key_id}";function Lt(r,e,t,o){let n=new a(e,Lt.PATH,"put");return t&&(n.path("target",t.target,{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Lt.PATH="/auth/limits/{target}";function Vt(r,e,t,o){let n=new a(e,Vt.PATH,"put");return t&&(n.path("project",t.project,{}),n.path("user",t.user,{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Vt.PATH="/auth/projects/{project}/members/{user}";function Ft(r,e,t,o){let n=new a(e,Ft.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ft.PATH="/healthz";function qt(r,e,t,o){let n=new a(e,qt.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}qt.PATH="/limits";function Bt(r,e,t,o){let n=new a(e,Bt.PATH,"get");return t&&n.path("target",t.target,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Bt.PATH="/auth/limits/{target}";function Ut(r,e,t,o){let n=new a(e,Ut.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ut.PATH="/overview";function Nt(r,e,t,o){let n=new a(e,Nt.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Nt.PATH="/readyz";function Jt(r,e,t,o){let n=new a(e,Jt.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Jt.PATH="/auth/session";function Wt(r,e,t,o){let n=new a(e,Wt.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Wt.PATH="/auth/oidc";function Gt(r,e,t,o){let n=new a(e,Gt.PATH,"delete");return r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Gt.PATH="/auth/session";function zt(r,e,t,o){let n=new a(e,zt.PATH,"put");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}zt.PATH="/auth/session";var en=class r extends R{constructor(e,t){super(e,t)}static ListAuditLinesPath="/audit";listAuditLines$Response(e,t){let o=St(this.http,this.rootUrl,e,t);return l(o)}listAuditLines(e,t){return this.listAuditLines$Response(e,t).then(n=>n.body)}static ExportAuditLinesPath="/audit/export";exportAuditLines$Response(e,t){let o=Tt(this.http,this.rootUrl,e,t);return l(o)}exportAuditLines(e,t){return this.exportAuditLines$Response(e,t).then(n=>n.body)}static ListKeysPath="/auth/keys";listKeys$Response(e,t){let o=$t(this.http,this.rootUrl,e,t);return l(o)}listKeys(e,t){return this.listKeys$Response(e,t).then(n=>n.body)}static CreateKeyPath="/auth/keys";createKey$Response(e,t){let o=Rt(this.http,this.rootUrl,e,t);return l(o)}createKey(e,t){return this.createKey$Response(e,t).then(n=>n.body)}static RevokeKeyPath="/auth/keys/{key_id}";revokeKey$Response(e,t){let o=It(this.http,this.rootUrl,e,t);return l(o)}revokeKey(e,t){return this.revokeKey$Response(e,t).then(n=>n.body)}static ShowLimitsOfPath="/auth/limits/{target}";showLimitsOf$Response(e,t){let o=Bt(this.http,this.rootUrl,e,t);return l(o)}showLimitsOf(e,t){return this.showLimitsOf$Response(e,t).then(n=>n.body)}static SetLimitsPath="/auth/limits/{target}";setLimits$Response(e,t){let o=Lt(this.http,this.rootUrl,e,t);return l(o)}setLimits(e,t){return this.setLimits$Response(e,t).then(n=>n.body)}static CreateLinkPath="/auth/link";createLink$Response(e,t){let o=Pt(this.http,this.rootUrl,e,t);return l(o)}createLink(e,t){return this.createLink$Response(e,t).then(n=>n.body)}static ShowSignInMethodsPath="/auth/oidc";showSignInMethods$Response(e,t){let o=Wt(this.http,this.rootUrl,e,t);return l(o)}showSignInMethods(e,t){return this.showSignInMethods$Response(e,t).then(n=>n.body)}static ListProjectsPath="/auth/projects";listProjects$Response(e,t){let o=Mt(this.http,this.rootUrl,e,t);return l(o)}listProjects(e,t){return this.listProjects$Response(e,t).then(n=>n.body)}static CreateProjectPath="/auth/projects";createProject$Response(e,t){let o=xt(this.http,this.rootUrl,e,t);return l(o)}createProject(e,t){return this.createProject$Response(e,t).then(n=>n.body)}static ListMembersPath="/auth/projects/{project}/members";listMembers$Response(e,t){let o=Dt(this.http,this.rootUrl,e,t);return l(o)}listMembers(e,t){return this.listMembers$Response(e,t).then(n=>n.body)}static SetMemberPath="/auth/projects/{project}/members/{user}";setMember$Response(e,t){let o=Vt(this.http,this.rootUrl,e,t);return l(o)}setMember(e,t){return this.setMember$Response(e,t).then(n=>n.body)}static RemoveMemberPath="/auth/projects/{project}/members/{user}";removeMember$Response(e,t){let o=kt(this.http,this.rootUrl,e,t);return l(o)}removeMember(e,t){return this.removeMember$Response(e,t).then(n=>n.body)}static ShowSessionPath="/auth/session";showSession$Response(e,t){let o=Jt(this.http,this.rootUrl,e,t);return l(o)}showSession(e,t){return this.showSession$Response(e,t).then(n=>n.body)}static SwitchProjectPath="/auth/session";switchProject$Response(e,t){let o=zt(this.http,this.rootUrl,e,t);return l(o)}switchProject(e,t){return this.switchProject$Response(e,t).then(n=>n.body)}static SignOutPath="/auth/session";signOut$Response(e,t){let o=Gt(this.http,this.rootUrl,e,t);return l(o)}signOut(e,t){return this.signOut$Response(e,t).then(n=>n.body)}static ListUsersPath="/auth/users";listUsers$Response(e,t){let o=At(this.http,this.rootUrl,e,t);return l(o)}listUsers(e,t){return this.listUsers$Response(e,t).then(n=>n.body)}static DisableUserPath="/auth/users/{user_id}/disable";disableUser$Response(e,t){let o=wt(this.http,this.rootUrl,e,t);return l(o)}disableUser(e,t){return this.disableUser$Response(e,t).then(n=>n.body)}static EnableUserPath="/auth/users/{user_id}/enable";enableUser$Response(e,t){let o=_t(this.http,this.rootUrl,e,t);return l(o)}enableUser(e,t){return this.enableUser$Response(e,t).then(n=>n.body)}static ListDeadEventsPath="/events/dead";listDeadEvents$Response(e,t){let o=Et(this.http,this.rootUrl,e,t);return l(o)}listDeadEvents(e,t){return this.listDeadEvents$Response(e,t).then(n=>n.body)}static ReplayDeadEventsPath="/events/dead/replay";replayDeadEvents$Response(e,t){let o=jt(this.http,this.rootUrl,e,t);return l(o)}replayDeadEvents(e,t){return this.replayDeadEvents$Response(e,t).then(n=>n.body)}static ReplayDeadEventPath="/events/dead/{letter_id}/replay";replayDeadEvent$Response(e,t){let o=Ot(this.http,this.rootUrl,e,t);return l(o)}replayDeadEvent(e,t){return this.replayDeadEvent$Response(e,t).then(n=>n.body)}static ShowHealthPath="/healthz";showHealth$Response(e,t){let o=Ft(this.http,this.rootUrl,e,t);return l(o)}showHealth(e,t){return this.showHealth$Response(e,t).then(n=>n.body)}static ShowLimitsPath="/limits";showLimits$Response(e,t){let o=qt(this.http,this.rootUrl,e,t);return l(o)}showLimits(e,t){return this.showLimits$Response(e,t).then(n=>n.body)}static CreateTicketPath="/live/tickets";createTicket$Response(e,t){let o=Ct(this.http,this.rootUrl,e,t);return l(o)}createTicket(e,t){return this.createTicket$Response(e,t).then(n=>n.body)}static ShowOverviewPath="/overview";showOverview$Response(e,t){let o=Ut(this.http,this.rootUrl,e,t);return l(o)}showOverview(e,t){return this.showOverview$Response(e,t).then(n=>n.body)}static ShowReadinessPath="/readyz";showReadiness$Response(e,t){let o=Nt(this.http,this.rootUrl,e,t);return l(o)}showReadiness(e,t){return this.showReadiness$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function Kt(r,e,t,o){let n=new a(e,Kt.PATH,"delete");return t&&n.path("import_id",t.import_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Kt.PATH="/datasets/imports/{import_id}";function Zt(r,e,t,o){let n=new a(e,Zt.PATH,"post");return t&&n.body(t.body,"multipart/form-data"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Zt.PATH="/v1/files";function Yt(r,e,t,o){let n=new a(e,Yt.PATH,"get");return t&&(n.path("dataset_id",t.dataset_id,{}),n.query("base",t.base,{}),n.query("version",t.version,{}),n.query("max_length",t.max_length,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Yt.PATH="/datasets/{dataset_id}/statistics";function Qt(r,e,t,o){let n=new a(e,Qt.PATH,"delete");return t&&n.path("dataset_id",t.dataset_id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Qt.PATH="/datasets/{dataset_id}";function Xt(r,e,t,o){let n=new a(e,Xt.PATH,"delete");return t&&n.path("file_id",t.file_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Xt.PATH="/v1/files/{file_id}";function te(r,e,t,o){let n=new a(e,te.PATH,"get");return t&&(n.path("dataset_id",t.dataset_id,{}),n.query("version",t.version,{})),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}te.PATH="/datasets/{dataset_id}/rejected";function ee(r,e,t,o){let n=new a(e,ee.PATH,"get");return t&&n.path("name",t.name,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}ee.PATH="/datasets/samples/{name}";function oe(r,e,t,o){let n=new a(e,oe.PATH,"get");return t&&n.path("dataset_id",t.dataset_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}oe.PATH="/datasets/{dataset_id}";function ne(r,e,t,o){let n=new a(e,ne.PATH,"get");return t&&n.path("file_id",t.file_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ne.PATH="/v1/files/{file_id}";function re(r,e,t,o){let n=new a(e,re.PATH,"get");return t&&n.path("file_id",t.file_id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}re.PATH="/v1/files/{file_id}/content";function ie(r,e,t,o){let n=new a(e,ie.PATH,"get");return t&&n.path("import_id",t.import_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ie.PATH="/datasets/imports/{import_id}";function se(r,e,t,o){let n=new a(e,se.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}se.PATH="/datasets/import";function ae(r,e,t,o){let n=new a(e,ae.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{}),n.query("name",t.name,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ae.PATH="/datasets";function pe(r,e,t,o){let n=new a(e,pe.PATH,"get");return t&&(n.query("purpose",t.purpose,{}),n.query("limit",t.limit,{}),n.query("after",t.after,{}),n.query("order",t.order,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}pe.PATH="/v1/files";function me(r,e,t,o){let n=new a(e,me.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}me.PATH="/datasets/imports";function le(r,e,t,o){let n=new a(e,le.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}le.PATH="/datasets/samples";function ce(r,e,t,o){let n=new a(e,ce.PATH,"get");return t&&(n.path("dataset_id",t.dataset_id,{}),n.query("version",t.version,{}),n.query("split",t.split,{}),n.query("offset",t.offset,{}),n.query("limit",t.limit,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ce.PATH="/datasets/{dataset_id}/preview";function de(r,e,t,o){let n=new a(e,de.PATH,"get");return t&&(n.path("dataset_id",t.dataset_id,{}),n.query("base",t.base,{}),n.query("row",t.row,{}),n.query("split",t.split,{}),n.query("version",t.version,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}de.PATH="/datasets/{dataset_id}/rendered";function ue(r,e,t,o){let n=new a(e,ue.PATH,"post");return t&&(n.header("prefer",t.prefer,{}),n.body(t.body,"multipart/form-data")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ue.PATH="/datasets/upload";var on=class r extends R{constructor(e,t){super(e,t)}static ListDatasetsPath="/datasets";listDatasets$Response(e,t){let o=ae(this.http,this.rootUrl,e,t);return l(o)}listDatasets(e,t){return this.listDatasets$Response(e,t).then(n=>n.body)}static ImportDatasetPath="/datasets/import";importDataset$Response(e,t){let o=se(this.http,this.rootUrl,e,t);return l(o)}importDataset(e,t){return this.importDataset$Response(e,t).then(n=>n.body)}static ListImportsPath="/datasets/imports";listImports$Response(e,t){let o=me(this.http,this.rootUrl,e,t);return l(o)}listImports(e,t){return this.listImports$Response(e,t).then(n=>n.body)}static GetImportPath="/datasets/imports/{import_id}";getImport$Response(e,t){let o=ie(this.http,this.rootUrl,e,t);return l(o)}getImport(e,t){return this.getImport$Response(e,t).then(n=>n.body)}static CancelImportPath="/datasets/imports/{import_id}";cancelImport$Response(e,t){let o=Kt(this.http,this.rootUrl,e,t);return l(o)}cancelImport(e,t){return this.cancelImport$Response(e,t).then(n=>n.body)}static ListSampleDatasetsPath="/datasets/samples";listSampleDatasets$Response(e,t){let o=le(this.http,this.rootUrl,e,t);return l(o)}listSampleDatasets(e,t){return this.listSampleDatasets$Response(e,t).then(n=>n.body)}static DownloadSampleDatasetPath="/datasets/samples/{name}";downloadSampleDataset$Response(e,t){let o=ee(this.http,this.rootUrl,e,t);return l(o)}downloadSampleDataset(e,t){return this.downloadSampleDataset$Response(e,t).then(n=>n.body)}static UploadDatasetPath="/datasets/upload";uploadDataset$Response(e,t){let o=ue(this.http,this.rootUrl,e,t);return l(o)}uploadDataset(e,t){return this.uploadDataset$Response(e,t).then(n=>n.body)}static GetDatasetPath="/datasets/{dataset_id}";getDataset$Response(e,t){let o=oe(this.http,this.rootUrl,e,t);return l(o)}getDataset(e,t){return this.getDataset$Response(e,t).then(n=>n.body)}static DeleteDatasetPath="/datasets/{dataset_id}";deleteDataset$Response(e,t){let o=Qt(this.http,this.rootUrl,e,t);return l(o)}deleteDataset(e,t){return this.deleteDataset$Response(e,t).then(n=>n.body)}static PreviewDatasetPath="/datasets/{dataset_id}/preview";previewDataset$Response(e,t){let o=ce(this.http,this.rootUrl,e,t);return l(o)}previewDataset(e,t){return this.previewDataset$Response(e,t).then(n=>n.body)}static DownloadRejectedRowsPath="/datasets/{dataset_id}/rejected";downloadRejectedRows$Response(e,t){let o=te(this.http,this.rootUrl,e,t);return l(o)}downloadRejectedRows(e,t){return this.downloadRejectedRows$Response(e,t).then(n=>n.body)}static RenderDatasetRowPath="/datasets/{dataset_id}/rendered";renderDatasetRow$Response(e,t){let o=de(this.http,this.rootUrl,e,t);return l(o)}renderDatasetRow(e,t){return this.renderDatasetRow$Response(e,t).then(n=>n.body)}static DatasetStatisticsPath="/datasets/{dataset_id}/statistics";datasetStatistics$Response(e,t){let o=Yt(this.http,this.rootUrl,e,t);return l(o)}datasetStatistics(e,t){return this.datasetStatistics$Response(e,t).then(n=>n.body)}static ListFilesPath="/v1/files";listFiles$Response(e,t){let o=pe(this.http,this.rootUrl,e,t);return l(o)}listFiles(e,t){return this.listFiles$Response(e,t).then(n=>n.body)}static CreateFilePath="/v1/files";createFile$Response(e,t){let o=Zt(this.http,this.rootUrl,e,t);return l(o)}createFile(e,t){return this.createFile$Response(e,t).then(n=>n.body)}static GetFilePath="/v1/files/{file_id}";getFile$Response(e,t){let o=ne(this.http,this.rootUrl,e,t);return l(o)}getFile(e,t){return this.getFile$Response(e,t).then(n=>n.body)}static DeleteFilePath="/v1/files/{file_id}";deleteFile$Response(e,t){let o=Xt(this.http,this.rootUrl,e,t);return l(o)}deleteFile(e,t){return this.deleteFile$Response(e,t).then(n=>n.body)}static GetFileContentPath="/v1/files/{file_id}/content";getFileContent$Response(e,t){let o=re(this.http,this.rootUrl,e,t);return l(o)}getFileContent(e,t){return this.getFileContent$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function be(r,e,t,o){let n=new a(e,be.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}be.PATH="/v1/chat/completions";function fe(r,e,t,o){let n=new a(e,fe.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}fe.PATH="/v1/completions";function he(r,e,t,o){let n=new a(e,he.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}he.PATH="/deployments";function ve(r,e,t,o){let n=new a(e,ve.PATH,"delete");return t&&n.path("deployment_id",t.deployment_id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}ve.PATH="/deployments/{deployment_id}";function ge(r,e,t,o){let n=new a(e,ge.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ge.PATH="/deployments";function ye(r,e,t,o){let n=new a(e,ye.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ye.PATH="/v1/models";function He(r,e,t,o){let n=new a(e,He.PATH,"get");return t&&n.path("deployment_id",t.deployment_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}He.PATH="/deployments/{deployment_id}";function Re(r,e,t,o){let n=new a(e,Re.PATH,"get");return t&&n.path("model_id",t.model_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Re.PATH="/v1/models/{model_id}";var nn=class r extends R{constructor(e,t){super(e,t)}static ListDeploymentsPath="/deployments";listDeployments$Response(e,t){let o=ge(this.http,this.rootUrl,e,t);return l(o)}listDeployments(e,t){return this.listDeployments$Response(e,t).then(n=>n.body)}static CreateDeploymentPath="/deployments";createDeployment$Response(e,t){let o=he(this.http,this.rootUrl,e,t);return l(o)}createDeployment(e,t){return this.createDeployment$Response(e,t).then(n=>n.body)}static ShowDeploymentPath="/deployments/{deployment_id}";showDeployment$Response(e,t){let o=He(this.http,this.rootUrl,e,t);return l(o)}showDeployment(e,t){return this.showDeployment$Response(e,t).then(n=>n.body)}static DeleteDeploymentPath="/deployments/{deployment_id}";deleteDeployment$Response(e,t){let o=ve(this.http,this.rootUrl,e,t);return l(o)}deleteDeployment(e,t){return this.deleteDeployment$Response(e,t).then(n=>n.body)}static CreateChatCompletionPath="/v1/chat/completions";createChatCompletion$Response(e,t){let o=be(this.http,this.rootUrl,e,t);return l(o)}createChatCompletion(e,t){return this.createChatCompletion$Response(e,t).then(n=>n.body)}static CreateCompletionPath="/v1/completions";createCompletion$Response(e,t){let o=fe(this.http,this.rootUrl,e,t);return l(o)}createCompletion(e,t){return this.createCompletion$Response(e,t).then(n=>n.body)}static ListServedModelsPath="/v1/models";listServedModels$Response(e,t){let o=ye(this.http,this.rootUrl,e,t);return l(o)}listServedModels(e,t){return this.listServedModels$Response(e,t).then(n=>n.body)}static ShowServedModelPath="/v1/models/{model_id}";showServedModel$Response(e,t){let o=Re(this.http,this.rootUrl,e,t);return l(o)}showServedModel(e,t){return this.showServedModel$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function Pe(r,e,t,o){let n=new a(e,Pe.PATH,"post");return t&&(n.path("eval_id",t.eval_id,{}),n.path("run_id",t.run_id,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Pe.PATH="/v1/evals/{eval_id}/runs/{run_id}/cancel";function xe(r,e,t,o){let n=new a(e,xe.PATH,"post");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}xe.PATH="/evaluations/{id}/cancel";function Ce(r,e,t,o){let n=new a(e,Ce.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ce.PATH="/v1/evals";function we(r,e,t,o){let n=new a(e,we.PATH,"post");return t&&(n.path("eval_id",t.eval_id,{}),n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}we.PATH="/v1/evals/{eval_id}/runs";function _e(r,e,t,o){let n=new a(e,_e.PATH,"delete");return t&&n.path("eval_id",t.eval_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}_e.PATH="/v1/evals/{eval_id}";function Te(r,e,t,o){let n=new a(e,Te.PATH,"delete");return t&&(n.path("eval_id",t.eval_id,{}),n.path("run_id",t.run_id,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Te.PATH="/v1/evals/{eval_id}/runs/{run_id}";function Se(r,e,t,o){let n=new a(e,Se.PATH,"post");return t&&(n.path("id",t.id,{}),n.header("idempotency-key",t["idempotency-key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Se.PATH="/models/custom/{id}/evaluate";function Ee(r,e,t,o){let n=new a(e,Ee.PATH,"get");return t&&n.path("eval_id",t.eval_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ee.PATH="/v1/evals/{eval_id}";function $e(r,e,t,o){let n=new a(e,$e.PATH,"get");return t&&(n.path("eval_id",t.eval_id,{}),n.path("run_id",t.run_id,{}),n.path("output_item_id",t.output_item_id,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}$e.PATH="/v1/evals/{eval_id}/runs/{run_id}/output_items/{output_item_id}";function De(r,e,t,o){let n=new a(e,De.PATH,"get");return t&&(n.path("eval_id",t.eval_id,{}),n.path("run_id",t.run_id,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}De.PATH="/v1/evals/{eval_id}/runs/{run_id}";function Me(r,e,t,o){let n=new a(e,Me.PATH,"get");return t&&(n.path("eval_id",t.eval_id,{}),n.path("run_id",t.run_id,{}),n.query("after",t.after,{}),n.query("limit",t.limit,{}),n.query("order",t.order,{}),n.query("status",t.status,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Me.PATH="/v1/evals/{eval_id}/runs/{run_id}/output_items";function Ae(r,e,t,o){let n=new a(e,Ae.PATH,"get");return t&&(n.path("eval_id",t.eval_id,{}),n.query("after",t.after,{}),n.query("limit",t.limit,{}),n.query("order",t.order,{}),n.query("status",t.status,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ae.PATH="/v1/evals/{eval_id}/runs";function ke(r,e,t,o){let n=new a(e,ke.PATH,"get");return t&&(n.query("after",t.after,{}),n.query("limit",t.limit,{}),n.query("order",t.order,{}),n.query("order_by",t.order_by,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ke.PATH="/v1/evals";function Oe(r,e,t,o){let n=new a(e,Oe.PATH,"get");return t&&(n.query("model_id",t.model_id,{}),n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Oe.PATH="/evaluations";function je(r,e,t,o){let n=new a(e,je.PATH,"get");return t&&(n.path("id",t.id,{}),n.query("offset",t.offset,{}),n.query("limit",t.limit,{}),n.query("sort",t.sort,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}je.PATH="/evaluations/{id}/predictions";function Ie(r,e,t,o){let n=new a(e,Ie.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ie.PATH="/v1/fine_tuning/alpha/graders/run";function Le(r,e,t,o){let n=new a(e,Le.PATH,"get");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Le.PATH="/evaluations/{id}";function Ve(r,e,t,o){let n=new a(e,Ve.PATH,"post");return t&&(n.path("eval_id",t.eval_id,{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ve.PATH="/v1/evals/{eval_id}";function Fe(r,e,t,o){let n=new a(e,Fe.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Fe.PATH="/v1/fine_tuning/alpha/graders/validate";var rn=class r extends R{constructor(e,t){super(e,t)}static ListEvaluationsPath="/evaluations";listEvaluations$Response(e,t){let o=Oe(this.http,this.rootUrl,e,t);return l(o)}listEvaluations(e,t){return this.listEvaluations$Response(e,t).then(n=>n.body)}static ShowEvaluationPath="/evaluations/{id}";showEvaluation$Response(e,t){let o=Le(this.http,this.rootUrl,e,t);return l(o)}showEvaluation(e,t){return this.showEvaluation$Response(e,t).then(n=>n.body)}static CancelEvaluationPath="/evaluations/{id}/cancel";cancelEvaluation$Response(e,t){let o=xe(this.http,this.rootUrl,e,t);return l(o)}cancelEvaluation(e,t){return this.cancelEvaluation$Response(e,t).then(n=>n.body)}static ListPredictionsPath="/evaluations/{id}/predictions";listPredictions$Response(e,t){let o=je(this.http,this.rootUrl,e,t);return l(o)}listPredictions(e,t){return this.listPredictions$Response(e,t).then(n=>n.body)}static EvaluateModelPath="/models/custom/{id}/evaluate";evaluateModel$Response(e,t){let o=Se(this.http,this.rootUrl,e,t);return l(o)}evaluateModel(e,t){return this.evaluateModel$Response(e,t).then(n=>n.body)}static ListEvalsPath="/v1/evals";listEvals$Response(e,t){let o=ke(this.http,this.rootUrl,e,t);return l(o)}listEvals(e,t){return this.listEvals$Response(e,t).then(n=>n.body)}static CreateEvalPath="/v1/evals";createEval$Response(e,t){let o=Ce(this.http,this.rootUrl,e,t);return l(o)}createEval(e,t){return this.createEval$Response(e,t).then(n=>n.body)}static GetEvalPath="/v1/evals/{eval_id}";getEval$Response(e,t){let o=Ee(this.http,this.rootUrl,e,t);return l(o)}getEval(e,t){return this.getEval$Response(e,t).then(n=>n.body)}static UpdateEvalPath="/v1/evals/{eval_id}";updateEval$Response(e,t){let o=Ve(this.http,this.rootUrl,e,t);return l(o)}updateEval(e,t){return this.updateEval$Response(e,t).then(n=>n.body)}static DeleteEvalPath="/v1/evals/{eval_id}";deleteEval$Response(e,t){let o=_e(this.http,this.rootUrl,e,t);return l(o)}deleteEval(e,t){return this.deleteEval$Response(e,t).then(n=>n.body)}static ListEvalRunsPath="/v1/evals/{eval_id}/runs";listEvalRuns$Response(e,t){let o=Ae(this.http,this.rootUrl,e,t);return l(o)}listEvalRuns(e,t){return this.listEvalRuns$Response(e,t).then(n=>n.body)}static CreateEvalRunPath="/v1/evals/{eval_id}/runs";createEvalRun$Response(e,t){let o=we(this.http,this.rootUrl,e,t);return l(o)}createEvalRun(e,t){return this.createEvalRun$Response(e,t).then(n=>n.body)}static GetEvalRunPath="/v1/evals/{eval_id}/runs/{run_id}";getEvalRun$Response(e,t){let o=De(this.http,this.rootUrl,e,t);return l(o)}getEvalRun(e,t){return this.getEvalRun$Response(e,t).then(n=>n.body)}static DeleteEvalRunPath="/v1/evals/{eval_id}/runs/{run_id}";deleteEvalRun$Response(e,t){let o=Te(this.http,this.rootUrl,e,t);return l(o)}deleteEvalRun(e,t){return this.deleteEvalRun$Response(e,t).then(n=>n.body)}static CancelEvalRunPath="/v1/evals/{eval_id}/runs/{run_id}/cancel";cancelEvalRun$Response(e,t){let o=Pe(this.http,this.rootUrl,e,t);return l(o)}cancelEvalRun(e,t){return this.cancelEvalRun$Response(e,t).then(n=>n.body)}static ListEvalOutputItemsPath="/v1/evals/{eval_id}/runs/{run_id}/output_items";listEvalOutputItems$Response(e,t){let o=Me(this.http,this.rootUrl,e,t);return l(o)}listEvalOutputItems(e,t){return this.listEvalOutputItems$Response(e,t).then(n=>n.body)}static GetEvalOutputItemPath="/v1/evals/{eval_id}/runs/{run_id}/output_items/{output_item_id}";getEvalOutputItem$Response(e,t){let o=$e(this.http,this.rootUrl,e,t);return l(o)}getEvalOutputItem(e,t){return this.getEvalOutputItem$Response(e,t).then(n=>n.body)}static RunGraderPath="/v1/fine_tuning/alpha/graders/run";runGrader$Response(e,t){let o=Ie(this.http,this.rootUrl,e,t);return l(o)}runGrader(e,t){return this.runGrader$Response(e,t).then(n=>n.body)}static ValidateGraderPath="/v1/fine_tuning/alpha/graders/validate";validateGrader$Response(e,t){let o=Fe(this.http,this.rootUrl,e,t);return l(o)}validateGrader(e,t){return this.validateGrader$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function qe(r,e,t,o){let n=new a(e,qe.PATH,"post");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}qe.PATH="/exports/{id}/cancel";function Be(r,e,t,o){let n=new a(e,Be.PATH,"delete");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Be.PATH="/exports/{id}";function Ue(r,e,t,o){let n=new a(e,Ue.PATH,"get");return t&&(n.path("id",t.id,{}),n.path("name",t.name,{})),r.request(n.build({responseType:"blob",accept:"application/octet-stream",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ue.PATH="/exports/{id}/files/{name}";function Ne(r,e,t,o){let n=new a(e,Ne.PATH,"get");return t&&(n.path("id",t.id,{}),n.query("format",t.format,{})),r.request(n.build({responseType:"blob",accept:"application/octet-stream",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ne.PATH="/models/custom/{id}/export";function Je(r,e,t,o){let n=new a(e,Je.PATH,"get");return t&&(n.query("model_id",t.model_id,{}),n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Je.PATH="/exports";function We(r,e,t,o){let n=new a(e,We.PATH,"get");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}We.PATH="/exports/{id}";function Ge(r,e,t,o){let n=new a(e,Ge.PATH,"post");return t&&(n.path("id",t.id,{}),n.header("idempotency-key",t["idempotency-key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ge.PATH="/models/custom/{id}/exports";var sn=class r extends R{constructor(e,t){super(e,t)}static ListExportsPath="/exports";listExports$Response(e,t){let o=Je(this.http,this.rootUrl,e,t);return l(o)}listExports(e,t){return this.listExports$Response(e,t).then(n=>n.body)}static ShowExportPath="/exports/{id}";showExport$Response(e,t){let o=We(this.http,this.rootUrl,e,t);return l(o)}showExport(e,t){return this.showExport$Response(e,t).then(n=>n.body)}static DeleteExportPath="/exports/{id}";deleteExport$Response(e,t){let o=Be(this.http,this.rootUrl,e,t);return l(o)}deleteExport(e,t){return this.deleteExport$Response(e,t).then(n=>n.body)}static CancelExportPath="/exports/{id}/cancel";cancelExport$Response(e,t){let o=qe(this.http,this.rootUrl,e,t);return l(o)}cancelExport(e,t){return this.cancelExport$Response(e,t).then(n=>n.body)}static DownloadExportFilePath="/exports/{id}/files/{name}";downloadExportFile$Response(e,t){let o=Ue(this.http,this.rootUrl,e,t);return l(o)}downloadExportFile(e,t){return this.downloadExportFile$Response(e,t).then(n=>n.body)}static ExportModelPath="/models/custom/{id}/export";exportModel$Response(e,t){let o=Ne(this.http,this.rootUrl,e,t);return l(o)}exportModel(e,t){return this.exportModel$Response(e,t).then(n=>n.body)}static StartExportPath="/models/custom/{id}/exports";startExport$Response(e,t){let o=Ge(this.http,this.rootUrl,e,t);return l(o)}startExport(e,t){return this.startExport$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function ze(r,e,t,o){let n=new a(e,ze.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"multipart/form-data")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ze.PATH="/models/base";function Ke(r,e,t,o){let n=new a(e,Ke.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ke.PATH="/models/base";function Ze(r,e,t,o){let n=new a(e,Ze.PATH,"patch");return t&&(n.path("id",t.id,{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ze.PATH="/models/custom/{id}";function Ye(r,e,t,o){let n=new a(e,Ye.PATH,"delete");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Ye.PATH="/models/base/{id}";function Qe(r,e,t,o){let n=new a(e,Qe.PATH,"delete");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Qe.PATH="/models/custom/{id}";function Xe(r,e,t,o){let n=new a(e,Xe.PATH,"delete");return t&&n.path("model_id",t.model_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Xe.PATH="/v1/models/{model_id}";function to(r,e,t,o){let n=new a(e,to.PATH,"get");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}to.PATH="/models/base/{id}";function eo(r,e,t,o){let n=new a(e,eo.PATH,"get");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}eo.PATH="/models/custom/{id}";function oo(r,e,t,o){let n=new a(e,oo.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}oo.PATH="/models/available";function no(r,e,t,o){let n=new a(e,no.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}no.PATH="/models/base";function ro(r,e,t,o){let n=new a(e,ro.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ro.PATH="/models/custom";var an=class r extends R{constructor(e,t){super(e,t)}static ListAvailableModelsPath="/models/available";listAvailableModels$Response(e,t){let o=oo(this.http,this.rootUrl,e,t);return l(o)}listAvailableModels(e,t){return this.listAvailableModels$Response(e,t).then(n=>n.body)}static ListBaseModelsPath="/models/base";listBaseModels$Response(e,t){let o=no(this.http,this.rootUrl,e,t);return l(o)}listBaseModels(e,t){return this.listBaseModels$Response(e,t).then(n=>n.body)}static AddBaseModelPath="/models/base";addBaseModel$Json$Response(e,t){let o=Ke(this.http,this.rootUrl,e,t);return l(o)}addBaseModel$Json(e,t){return this.addBaseModel$Json$Response(e,t).then(n=>n.body)}addBaseModel$FormData$Response(e,t){let o=ze(this.http,this.rootUrl,e,t);return l(o)}addBaseModel$FormData(e,t){return this.addBaseModel$FormData$Response(e,t).then(n=>n.body)}static GetBaseModelPath="/models/base/{id}";getBaseModel$Response(e,t){let o=to(this.http,this.rootUrl,e,t);return l(o)}getBaseModel(e,t){return this.getBaseModel$Response(e,t).then(n=>n.body)}static DeleteBaseModelPath="/models/base/{id}";deleteBaseModel$Response(e,t){let o=Ye(this.http,this.rootUrl,e,t);return l(o)}deleteBaseModel(e,t){return this.deleteBaseModel$Response(e,t).then(n=>n.body)}static ListCustomModelsPath="/models/custom";listCustomModels$Response(e,t){let o=ro(this.http,this.rootUrl,e,t);return l(o)}listCustomModels(e,t){return this.listCustomModels$Response(e,t).then(n=>n.body)}static GetCustomModelPath="/models/custom/{id}";getCustomModel$Response(e,t){let o=eo(this.http,this.rootUrl,e,t);return l(o)}getCustomModel(e,t){return this.getCustomModel$Response(e,t).then(n=>n.body)}static DeleteCustomModelPath="/models/custom/{id}";deleteCustomModel$Response(e,t){let o=Qe(this.http,this.rootUrl,e,t);return l(o)}deleteCustomModel(e,t){return this.deleteCustomModel$Response(e,t).then(n=>n.body)}static ChangeCustomModelPath="/models/custom/{id}";changeCustomModel$Response(e,t){let o=Ze(this.http,this.rootUrl,e,t);return l(o)}changeCustomModel(e,t){return this.changeCustomModel$Response(e,t).then(n=>n.body)}static DeleteModelPath="/v1/models/{model_id}";deleteModel$Response(e,t){let o=Xe(this.http,this.rootUrl,e,t);return l(o)}deleteModel(e,t){return this.deleteModel$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function io(r,e,t,o){let n=new a(e,io.PATH,"post");return t&&n.path("job_id",t.job_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}io.PATH="/v1/fine_tuning/jobs/{job_id}/cancel";function so(r,e,t,o){let n=new a(e,so.PATH,"post");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}so.PATH="/training/jobs/{id}/cancel";function ao(r,e,t,o){let n=new a(e,ao.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ao.PATH="/v1/fine_tuning/jobs";function po(r,e,t,o){let n=new a(e,po.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}po.PATH="/training/jobs";function mo(r,e,t,o){let n=new a(e,mo.PATH,"post");return t&&(n.header("Idempotency-Key",t["Idempotency-Key"],{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}mo.PATH="/training/presets";function lo(r,e,t,o){let n=new a(e,lo.PATH,"delete");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}lo.PATH="/training/presets/{id}";function co(r,e,t,o){let n=new a(e,co.PATH,"get");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}co.PATH="/training/jobs/{id}/tensorboard";function uo(r,e,t,o){let n=new a(e,uo.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}uo.PATH="/training/estimate";function bo(r,e,t,o){let n=new a(e,bo.PATH,"get");return t&&n.path("job_id",t.job_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}bo.PATH="/v1/fine_tuning/jobs/{job_id}";function fo(r,e,t,o){let n=new a(e,fo.PATH,"get");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}fo.PATH="/training/jobs/{id}";function ho(r,e,t,o){let n=new a(e,ho.PATH,"get");return t&&(n.path("id",t.id,{}),n.query("after",t.after,{}),n.query("limit",t.limit,{}),n.query("level",t.level,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ho.PATH="/training/jobs/{id}/logs";function vo(r,e,t,o){let n=new a(e,vo.PATH,"get");return t&&(n.path("id",t.id,{}),n.query("after",t.after,{}),n.query("limit",t.limit,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}vo.PATH="/training/jobs/{id}/metrics";function go(r,e,t,o){let n=new a(e,go.PATH,"get");return t&&(n.path("id",t.id,{}),n.query("after",t.after,{}),n.query("limit",t.limit,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}go.PATH="/training/jobs/{id}/records";function yo(r,e,t,o){let n=new a(e,yo.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}yo.PATH="/training/jobs/usage";function Ho(r,e,t,o){let n=new a(e,Ho.PATH,"get");return t&&(n.path("job_id",t.job_id,{}),n.query("limit",t.limit,{}),n.query("after",t.after,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ho.PATH="/v1/fine_tuning/jobs/{job_id}/checkpoints";function Ro(r,e,t,o){let n=new a(e,Ro.PATH,"get");return t&&(n.path("job_id",t.job_id,{}),n.query("limit",t.limit,{}),n.query("after",t.after,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ro.PATH="/v1/fine_tuning/jobs/{job_id}/events";function Po(r,e,t,o){let n=new a(e,Po.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("after",t.after,{}),n.query("metadata[key]",t["metadata[key]"],{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Po.PATH="/v1/fine_tuning/jobs";function xo(r,e,t,o){let n=new a(e,xo.PATH,"get");return t&&(n.query("state",t.state,{}),n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}xo.PATH="/training/jobs";function Co(r,e,t,o){let n=new a(e,Co.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Co.PATH="/training/presets";function wo(r,e,t,o){let n=new a(e,wo.PATH,"post");return t&&n.path("job_id",t.job_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}wo.PATH="/v1/fine_tuning/jobs/{job_id}/pause";function _o(r,e,t,o){let n=new a(e,_o.PATH,"post");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}_o.PATH="/training/jobs/{id}/pause";function To(r,e,t,o){let n=new a(e,To.PATH,"post");return t&&n.path("job_id",t.job_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}To.PATH="/v1/fine_tuning/jobs/{job_id}/resume";function So(r,e,t,o){let n=new a(e,So.PATH,"post");return t&&n.path("id",t.id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}So.PATH="/training/jobs/{id}/resume";function Eo(r,e,t,o){let n=new a(e,Eo.PATH,"get");return r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Eo.PATH="/training/machine";var pn=class r extends R{constructor(e,t){super(e,t)}static EstimateTrainingJobPath="/training/estimate";estimateTrainingJob$Response(e,t){let o=uo(this.http,this.rootUrl,e,t);return l(o)}estimateTrainingJob(e,t){return this.estimateTrainingJob$Response(e,t).then(n=>n.body)}static ListTrainingJobsPath="/training/jobs";listTrainingJobs$Response(e,t){let o=xo(this.http,this.rootUrl,e,t);return l(o)}listTrainingJobs(e,t){return this.listTrainingJobs$Response(e,t).then(n=>n.body)}static CreateTrainingJobPath="/training/jobs";createTrainingJob$Response(e,t){let o=po(this.http,this.rootUrl,e,t);return l(o)}createTrainingJob(e,t){return this.createTrainingJob$Response(e,t).then(n=>n.body)}static GetTrainingUsagePath="/training/jobs/usage";getTrainingUsage$Response(e,t){let o=yo(this.http,this.rootUrl,e,t);return l(o)}getTrainingUsage(e,t){return this.getTrainingUsage$Response(e,t).then(n=>n.body)}static GetTrainingJobPath="/training/jobs/{id}";getTrainingJob$Response(e,t){let o=fo(this.http,this.rootUrl,e,t);return l(o)}getTrainingJob(e,t){return this.getTrainingJob$Response(e,t).then(n=>n.body)}static CancelTrainingJobPath="/training/jobs/{id}/cancel";cancelTrainingJob$Response(e,t){let o=so(this.http,this.rootUrl,e,t);return l(o)}cancelTrainingJob(e,t){return this.cancelTrainingJob$Response(e,t).then(n=>n.body)}static GetTrainingLogsPath="/training/jobs/{id}/logs";getTrainingLogs$Response(e,t){let o=ho(this.http,this.rootUrl,e,t);return l(o)}getTrainingLogs(e,t){return this.getTrainingLogs$Response(e,t).then(n=>n.body)}static GetTrainingMetricsPath="/training/jobs/{id}/metrics";getTrainingMetrics$Response(e,t){let o=vo(this.http,this.rootUrl,e,t);return l(o)}getTrainingMetrics(e,t){return this.getTrainingMetrics$Response(e,t).then(n=>n.body)}static PauseTrainingJobPath="/training/jobs/{id}/pause";pauseTrainingJob$Response(e,t){let o=_o(this.http,this.rootUrl,e,t);return l(o)}pauseTrainingJob(e,t){return this.pauseTrainingJob$Response(e,t).then(n=>n.body)}static GetTrainingRecordsPath="/training/jobs/{id}/records";getTrainingRecords$Response(e,t){let o=go(this.http,this.rootUrl,e,t);return l(o)}getTrainingRecords(e,t){return this.getTrainingRecords$Response(e,t).then(n=>n.body)}static ResumeTrainingJobPath="/training/jobs/{id}/resume";resumeTrainingJob$Response(e,t){let o=So(this.http,this.rootUrl,e,t);return l(o)}resumeTrainingJob(e,t){return this.resumeTrainingJob$Response(e,t).then(n=>n.body)}static DownloadTrainingCurvesPath="/training/jobs/{id}/tensorboard";downloadTrainingCurves$Response(e,t){let o=co(this.http,this.rootUrl,e,t);return l(o)}downloadTrainingCurves(e,t){return this.downloadTrainingCurves$Response(e,t).then(n=>n.body)}static ShowTrainingMachinePath="/training/machine";showTrainingMachine$Response(e,t){let o=Eo(this.http,this.rootUrl,e,t);return l(o)}showTrainingMachine(e,t){return this.showTrainingMachine$Response(e,t).then(n=>n.body)}static ListTrainingPresetsPath="/training/presets";listTrainingPresets$Response(e,t){let o=Co(this.http,this.rootUrl,e,t);return l(o)}listTrainingPresets(e,t){return this.listTrainingPresets$Response(e,t).then(n=>n.body)}static CreateTrainingPresetPath="/training/presets";createTrainingPreset$Response(e,t){let o=mo(this.http,this.rootUrl,e,t);return l(o)}createTrainingPreset(e,t){return this.createTrainingPreset$Response(e,t).then(n=>n.body)}static DeleteTrainingPresetPath="/training/presets/{id}";deleteTrainingPreset$Response(e,t){let o=lo(this.http,this.rootUrl,e,t);return l(o)}deleteTrainingPreset(e,t){return this.deleteTrainingPreset$Response(e,t).then(n=>n.body)}static ListFineTuningJobsPath="/v1/fine_tuning/jobs";listFineTuningJobs$Response(e,t){let o=Po(this.http,this.rootUrl,e,t);return l(o)}listFineTuningJobs(e,t){return this.listFineTuningJobs$Response(e,t).then(n=>n.body)}static CreateFineTuningJobPath="/v1/fine_tuning/jobs";createFineTuningJob$Response(e,t){let o=ao(this.http,this.rootUrl,e,t);return l(o)}createFineTuningJob(e,t){return this.createFineTuningJob$Response(e,t).then(n=>n.body)}static GetFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}";getFineTuningJob$Response(e,t){let o=bo(this.http,this.rootUrl,e,t);return l(o)}getFineTuningJob(e,t){return this.getFineTuningJob$Response(e,t).then(n=>n.body)}static CancelFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}/cancel";cancelFineTuningJob$Response(e,t){let o=io(this.http,this.rootUrl,e,t);return l(o)}cancelFineTuningJob(e,t){return this.cancelFineTuningJob$Response(e,t).then(n=>n.body)}static ListFineTuningCheckpointsPath="/v1/fine_tuning/jobs/{job_id}/checkpoints";listFineTuningCheckpoints$Response(e,t){let o=Ho(this.http,this.rootUrl,e,t);return l(o)}listFineTuningCheckpoints(e,t){return this.listFineTuningCheckpoints$Response(e,t).then(n=>n.body)}static ListFineTuningEventsPath="/v1/fine_tuning/jobs/{job_id}/events";listFineTuningEvents$Response(e,t){let o=Ro(this.http,this.rootUrl,e,t);return l(o)}listFineTuningEvents(e,t){return this.listFineTuningEvents$Response(e,t).then(n=>n.body)}static PauseFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}/pause";pauseFineTuningJob$Response(e,t){let o=wo(this.http,this.rootUrl,e,t);return l(o)}pauseFineTuningJob(e,t){return this.pauseFineTuningJob$Response(e,t).then(n=>n.body)}static ResumeFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}/resume";resumeFineTuningJob$Response(e,t){let o=To(this.http,this.rootUrl,e,t);return l(o)}resumeFineTuningJob(e,t){return this.resumeFineTuningJob$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function $o(r,e,t,o){let n=new a(e,$o.PATH,"patch");return t&&(n.path("webhook_id",t.webhook_id,{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}$o.PATH="/webhooks/{webhook_id}";function Do(r,e,t,o){let n=new a(e,Do.PATH,"post");return t&&n.body(t.body,"application/json"),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Do.PATH="/webhooks";function Mo(r,e,t,o){let n=new a(e,Mo.PATH,"delete");return t&&n.path("webhook_id",t.webhook_id,{}),r.request(n.build({responseType:"text",accept:"*/*",context:o})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Mo.PATH="/webhooks/{webhook_id}";function Ao(r,e,t,o){let n=new a(e,Ao.PATH,"get");return t&&(n.path("webhook_id",t.webhook_id,{}),n.query("state",t.state,{}),n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Ao.PATH="/webhooks/{webhook_id}/deliveries";function ko(r,e,t,o){let n=new a(e,ko.PATH,"get");return t&&(n.query("limit",t.limit,{}),n.query("cursor",t.cursor,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}ko.PATH="/webhooks";function Oo(r,e,t,o){let n=new a(e,Oo.PATH,"post");return t&&(n.path("webhook_id",t.webhook_id,{}),n.path("delivery_id",t.delivery_id,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Oo.PATH="/webhooks/{webhook_id}/deliveries/{delivery_id}/replay";function jo(r,e,t,o){let n=new a(e,jo.PATH,"post");return t&&(n.path("webhook_id",t.webhook_id,{}),n.body(t.body,"application/json")),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}jo.PATH="/webhooks/{webhook_id}/rotate_secret";function Io(r,e,t,o){let n=new a(e,Io.PATH,"get");return t&&n.path("webhook_id",t.webhook_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Io.PATH="/webhooks/{webhook_id}";function Lo(r,e,t,o){let n=new a(e,Lo.PATH,"get");return t&&(n.path("webhook_id",t.webhook_id,{}),n.path("delivery_id",t.delivery_id,{})),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Lo.PATH="/webhooks/{webhook_id}/deliveries/{delivery_id}";function Vo(r,e,t,o){let n=new a(e,Vo.PATH,"post");return t&&n.path("webhook_id",t.webhook_id,{}),r.request(n.build({responseType:"json",accept:"application/json",context:o})).pipe(p(i=>i instanceof m),s(i=>i))}Vo.PATH="/webhooks/{webhook_id}/test";var mn=class r extends R{constructor(e,t){super(e,t)}static ListWebhooksPath="/webhooks";listWebhooks$Response(e,t){let o=ko(this.http,this.rootUrl,e,t);return l(o)}listWebhooks(e,t){return this.listWebhooks$Response(e,t).then(n=>n.body)}static CreateWebhookPath="/webhooks";createWebhook$Response(e,t){let o=Do(this.http,this.rootUrl,e,t);return l(o)}createWebhook(e,t){return this.createWebhook$Response(e,t).then(n=>n.body)}static ShowWebhookPath="/webhooks/{webhook_id}";showWebhook$Response(e,t){let o=Io(this.http,this.rootUrl,e,t);return l(o)}showWebhook(e,t){return this.showWebhook$Response(e,t).then(n=>n.body)}static DeleteWebhookPath="/webhooks/{webhook_id}";deleteWebhook$Response(e,t){let o=Mo(this.http,this.rootUrl,e,t);return l(o)}deleteWebhook(e,t){return this.deleteWebhook$Response(e,t).then(n=>n.body)}static ChangeWebhookPath="/webhooks/{webhook_id}";changeWebhook$Response(e,t){let o=$o(this.http,this.rootUrl,e,t);return l(o)}changeWebhook(e,t){return this.changeWebhook$Response(e,t).then(n=>n.body)}static ListWebhookDeliveriesPath="/webhooks/{webhook_id}/deliveries";listWebhookDeliveries$Response(e,t){let o=Ao(this.http,this.rootUrl,e,t);return l(o)}listWebhookDeliveries(e,t){return this.listWebhookDeliveries$Response(e,t).then(n=>n.body)}static ShowWebhookDeliveryPath="/webhooks/{webhook_id}/deliveries/{delivery_id}";showWebhookDelivery$Response(e,t){let o=Lo(this.http,this.rootUrl,e,t);return l(o)}showWebhookDelivery(e,t){return this.showWebhookDelivery$Response(e,t).then(n=>n.body)}static ReplayWebhookDeliveryPath="/webhooks/{webhook_id}/deliveries/{delivery_id}/replay";replayWebhookDelivery$Response(e,t){let o=Oo(this.http,this.rootUrl,e,t);return l(o)}replayWebhookDelivery(e,t){return this.replayWebhookDelivery$Response(e,t).then(n=>n.body)}static RotateWebhookSecretPath="/webhooks/{webhook_id}/rotate_secret";rotateWebhookSecret$Response(e,t){let o=jo(this.http,this.rootUrl,e,t);return l(o)}rotateWebhookSecret(e,t){return this.rotateWebhookSecret$Response(e,t).then(n=>n.body)}static TestWebhookPath="/webhooks/{webhook_id}/test";testWebhook$Response(e,t){let o=Vo(this.http,this.rootUrl,e,t);return l(o)}testWebhook(e,t){return this.testWebhook$Response(e,t).then(n=>n.body)}static \u0275fac=function(t){return new(t||r)(f(y),f(H))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var Nr={dashboard:"M4 13h6V4H4zM14 9h6V4h-6zM14 20h6v-7h-6zM4 20h6v-3H4z",datasets:"M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v6c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12v6c0 1.7 3.6 3 8 3s8-1.3 8-3v-6",models:"M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",jobs:"M4 20V4M4 20h16M8 15l3.5-5 3 2.5L20 6",evaluations:"M4 20h16M7 20v-7M12 20V5M17 20v-10",exports:"M12 3v12M7 10l5 5 5-5M4 17v3h16v-3",playground:"M4 5h16v11H9l-5 4z",members:"M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5M17.5 14.5c2.200.8 3.5 2.800 3.5 5.5",settings:"M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M10 15v4",menu:"M4 7h16M4 12h16M4 17h16",close:"M6 6l12 12M18 6L6 18",plus:"M12 5v14M5 12h14",upload:"M12 16V4M7 9l5-5 5 5M4 17v3h16v-3",download:"M12 4v12M7 11l5 5 5-5M4 20h16",trash:"M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",copy:"M9 9h11v11H9zM5 15H4V4h11v1",check:"M5 13l4 4L19 7",alert:"M12 3l9.5 17h-19zM12 10v4M12 17v.5",play:"M7 5l12 7-12 7z",pause:"M8 5v14M16 5v14",stop:"M6 6h12v12H6z",send:"M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4",search:"M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",refresh:"M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",edit:"M4 20h4L19 9l-4-4L4 16zM13 7l4 4",arrow:"M5 12h14M13 6l6 6-6 6",key:"M8 15a4 4 0 1 1 3.5-6H21v4h-3v3h-4v-3h-2.5A4 4 0 0 1 8 15z",info:"M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.5v.5"},ar=class r{name=Qn.required();path=Yn(()=>Nr[this.name()]);static \u0275fac=function(t){return new(t||r)};static \u0275cmp=E({type:r,selectors:[["an-icon"]],inputs:{name:[1,"name"]},decls:2,vars:1,consts:[["viewBox","0 0 24 24","aria-hidden","true","focusable","false"]],template:function(t,o){t&1&&(Vn(),gt(0,"svg",0),I(1,"path"),yt()),t&2&&(Wn(),nt("d",o.path()))},styles:["[_nghost-%COMP%]{display:inline-flex;flex:none}svg[_ngcontent-%COMP%]{width:1.25em;height:1.25em;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}"]})};var pr=["B","kB","MB","GB","TB"];function JP(r){if(r==null)return"\u2013";let e=r,t=0;for(;e>=1e3&&t<pr.length-1;)[e,t]=[e/1e3,t+1];return`${t===0||e>=100?Math.round(e):e.toFixed(1)} ${pr[t]}`}function WP(r){if(r==null||!Number.isFinite(r))return"\u2013";let e=Math.max(0,Math.round(r));return e<60?`${e} s`:e<3600?`${Math.floor(e/60)} min ${e%60} s`:`${Math.floor(e/3600)} h ${Math.floor(e%3600/60)} min`}function GP(r,e=new Date){let t=(new Date(r).getTime()-e.getTime())/1e3;if(Math.abs(t)<20)return"just now";let o=new Intl.RelativeTimeFormat("en",{numeric:"auto"}),n=[["day",86400],["hour",3600],["minute",60],["second",1]],[i,d]=n.find(([,b])=>Math.abs(t)>=b)??["second",1];return o.format(Math.round(t/d),i)}function mr(r){return r==null?"\u2013":r.toLocaleString("en")}function zP(r){return r?r>=9995e5?`${(r/1e9).toFixed(r>=1e10?0:1)} B`:r>=1e6?`${(r/1e6).toFixed(r>=1e8?0:1)} M`:mr(r):"\u2013"}function KP(r){return r==null||!Number.isFinite(r)?"\u2013":r!==0&&Math.abs(r)<.001?r.toExponential(2):Number(r.toPrecision(4)).toLocaleString("en",{maximumFractionDigits:6})}function ZP(r,e){return r==null?e?`For example ${e}`:"":`${mr(r)} found${e?`, for example ${e}`:""}`}var Jr={lora:"LoRA",qlora:"QLoRA",full:"Full"};function YP(r){return Jr[r]??r}function lr(r){let e=r.replaceAll("_"," ");return e.charAt(0).toUpperCase()+e.slice(1)}var cn="Something went wrong",cr={status:0,code:"unreachable",title:"Can't reach the platform",detail:"The platform did not respond.",remedy:"Check that it is running (make up or anneal up). This page reconnects automatically."};function dr(r){return r instanceof ir?r.status===0?cr:Wr(r.error,r.status):r instanceof TypeError?cr:ur(0,r instanceof Error?r.message:String(r))}function Wr(r,e){let t=typeof r=="string"?zr(r):r;return ln(t)&&ln(t.error)?Gr(t.error,e):!ln(t)||typeof t.detail!="string"?ur(e,`The platform responded with status ${e}.`):Tn(k({title:cn,code:"unknown"},t),{status:e})}function Gr(r,e){let t=typeof r.remedy=="string"?r.remedy:void 0,o=String(r.message??"");return{status:e,code:String(r.code??"unknown"),title:r.code?lr(String(r.code)):cn,detail:t&&o.endsWith(t)?o.slice(0,-t.length).trim():o,field:r.param??void 0,limit:r.limit,remedy:t,trace_id:r.trace_id}}function ur(r,e){return{status:r,code:"unknown",title:cn,detail:e}}function zr(r){try{return JSON.parse(r)}catch{return}}function ln(r){return typeof r=="object"&&r!==null}var Kr=1500,Fo=class r{offline=S(!1);signedOut=S(!1);project=S(void 0);refetchCount=S(0);async isReachable(){return(await fetch("/healthz",{cache:"no-store"}).catch(()=>{}))?.ok??!1}markOffline(){this.offline()||(this.offline.set(!0),this.scheduleReconnect())}async checkSession(){let e=await fetch("/auth/session").catch(()=>{});if(!e)return this.markOffline();e.ok&&(this.project.set((await e.json()).project),this.signedOut.set(!1),this.refetchAll())}scheduleReconnect(){setTimeout(async()=>{if(!await this.isReachable())return this.scheduleReconnect();this.offline.set(!1),this.refetchAll()},Kr)}refetchAll(){this.refetchCount.update(e=>e+1)}static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var dn=class r{responses=new Map;static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})},Zr=3e3;function Yr(r){return r.status===503?Zr:null}function dx(r,e=()=>null,t=Yr){let o=c(dn).responses,n=c(Fo),i=S(void 0),d=S(void 0),b=S(!1),C=S(0),w,g=0,F;async function dt(v,P){b.set(!0);try{let x=await v.fetch();if(P!==g)return;o.set(v.key,x),i.set(x),d.set(void 0),G(v,e(x),P)}catch(x){if(P!==g)return;let ut=dr(x);d.set(ut),G(v,t(ut),P)}finally{P===g&&b.set(!1)}}function G(v,P,x){P!==null&&(w=setTimeout(()=>document.hidden?G(v,P,x):void dt(v,x),P))}qn(()=>{let v=r();C(),n.refetchCount(),clearTimeout(w);let P=++g;Zo(()=>{if(!v)return b.set(!1);v.key!==F&&i.set(o.get(F=v.key)),!n.signedOut()&&dt(v,P)})}),c(Fn).onDestroy(()=>{g++,clearTimeout(w)});let z=()=>C.update(v=>v+1),D=v=>{i.set(v),F&&o.set(F,v)};async function K(v,P){let x=Zo(i);g++,clearTimeout(w),x!==void 0&&D(v(x));try{await P()}catch(ut){throw x!==void 0&&D(x),ut}finally{z()}}return{value:i,problem:d,loading:b,refetch:z,set:D,updateOptimistically:K}}function st(r){return r.buttons===0||r.detail===0}function at(r){let e=r.touches&&r.touches[0]||r.changedTouches&&r.changedTouches[0];return!!e&&e.identifier===-1&&(e.radiusX==null||e.radiusX===1)&&(e.radiusY==null||e.radiusY===1)}var un;function br(){if(un==null){let r=typeof document<"u"?document.head:null;un=!!(r&&(r.createShadowRoot||r.attachShadow))}return un}function bn(r){if(br()){let e=r.getRootNode?r.getRootNode():null;if(typeof ShadowRoot<"u"&&ShadowRoot&&e instanceof ShadowRoot)return e}return null}function Qr(){let r=typeof document<"u"&&document?document.activeElement:null;for(;r&&r.shadowRoot;){let e=r.shadowRoot.activeElement;if(e===r)break;r=e}return r}function M(r){return r.composedPath?r.composedPath()[0]:r.target}var fn;try{fn=typeof Intl<"u"&&Intl.v8BreakIterator}catch{fn=!1}var A=(()=>{class r{_platformId=c(Un);isBrowser=this._platformId?er(this._platformId):typeof document=="object"&&!!document;EDGE=this.isBrowser&&/(edge)/i.test(navigator.userAgent);TRIDENT=this.isBrowser&&/(msie|trident)/i.test(navigator.userAgent);BLINK=this.isBrowser&&!!(window.chrome||fn)&&typeof CSS<"u"&&!this.EDGE&&!this.TRIDENT;WEBKIT=this.isBrowser&&/AppleWebKit/i.test(navigator.userAgent)&&!this.BLINK&&!this.EDGE&&!this.TRIDENT;IOS=this.isBrowser&&/iPad|iPhone|iPod/.test(navigator.userAgent)&&!("MSStream"in window);FIREFOX=this.isBrowser&&/(firefox|minefield)/i.test(navigator.userAgent);ANDROID=this.isBrowser&&/android/i.test(navigator.userAgent)&&!this.TRIDENT;SAFARI=this.isBrowser&&/safari/i.test(navigator.userAgent)&&this.WEBKIT;constructor(){}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var pt;function fr(){if(pt==null&&typeof window<"u")try{window.addEventListener("test",null,Object.defineProperty({},"passive",{get:()=>pt=!0}))}finally{pt=pt||!1}return pt}function tt(r){return fr()?r:!!r.capture}function Xr(r,e=0){return hr(r)?Number(r):arguments.length===2?e:0}function hr(r){return!isNaN(parseFloat(r))&&!isNaN(Number(r))}function V(r){return r instanceof B?r.nativeElement:r}var vr=new _("cdk-input-modality-detector-options"),gr={ignoreKeys:[18,17,224,91,16]},yr=650,hn={passive:!0,capture:!0},Hr=(()=>{class r{_platform=c(A);_listenerCleanups;modalityDetected;modalityChanged;get mostRecentModality(){return this._modality.value}_mostRecentTarget=null;_modality=new En(null);_options;_lastTouchMs=0;_onKeydown=t=>{this._options?.ignoreKeys?.some(o=>o===t.keyCode)||(this._modality.next("keyboard"),this._mostRecentTarget=M(t))};_onMousedown=t=>{Date.now()-this._lastTouchMs<yr||(this._modality.next(st(t)?"keyboard":"mouse"),this._mostRecentTarget=M(t))};_onTouchstart=t=>{if(at(t)){this._modality.next("keyboard");return}this._lastTouchMs=Date.now(),this._modality.next("touch"),this._mostRecentTarget=M(t)};constructor(){let t=c(T),o=c(O),n=c(vr,{optional:!0});if(this._options=k(k({},gr),n),this.modalityDetected=this._modality.pipe(bt(1)),this.modalityChanged=this.modalityDetected.pipe(On()),this._platform.isBrowser){let i=c(ht).createRenderer(null,null);this._listenerCleanups=t.runOutsideAngular(()=>[i.listen(o,"keydown",this._onKeydown,hn),i.listen(o,"mousedown",this._onMousedown,hn),i.listen(o,"touchstart",this._onTouchstart,hn)])}}ngOnDestroy(){this._modality.complete(),this._listenerCleanups?.forEach(t=>t())}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})(),mt=(function(r){return r[r.IMMEDIATE=0]="IMMEDIATE",r[r.EVENTUAL=1]="EVENTUAL",r})(mt||{}),Rr=new _("cdk-focus-monitor-default-options"),qo=tt({passive:!0,capture:!0}),vn=(()=>{class r{_ngZone=c(T);_platform=c(A);_inputModalityDetector=c(Hr);_origin=null;_lastFocusOrigin=null;_windowFocused=!1;_windowFocusTimeoutId;_originTimeoutId;_originFromTouchInteraction=!1;_elementInfo=new Map;_monitoredElementCount=0;_rootNodeFocusListenerCount=new Map;_detectionMode;_windowFocusListener=()=>{this._windowFocused=!0,this._windowFocusTimeoutId=setTimeout(()=>this._windowFocused=!1)};_document=c(O);_stopInputModalityDetector=new ot;constructor(){let t=c(Rr,{optional:!0});this._detectionMode=t?.detectionMode||mt.IMMEDIATE}_rootNodeFocusAndBlurListener=t=>{let o=M(t);for(let n=o;n;n=n.parentElement)t.type==="focus"?this._onFocus(t,n):this._onBlur(t,n)};monitor(t,o=!1){let n=V(t);if(!this._platform.isBrowser||n.nodeType!==1)return $n();let i=bn(n)||this._document,d=this._elementInfo.get(n);if(d)return o&&(d.checkChildren=!0),d.subject;let b={checkChildren:o,subject:new ot,rootNode:i};return this._elementInfo.set(n,b),this._registerGlobalListeners(b),b.subject}stopMonitoring(t){let o=V(t),n=this._elementInfo.get(o);n&&(n.subject.complete(),this._setClasses(o),this._elementInfo.delete(o),this._removeGlobalListeners(n))}focusVia(t,o,n){let i=V(t),d=this._document.activeElement;i===d?this._getClosestElementsInfo(i).forEach(([b,C])=>this._originChanged(b,o,C)):(this._setOrigin(o),typeof i.focus=="function"&&i.focus(n))}ngOnDestroy(){this._elementInfo.forEach((t,o)=>this.stopMonitoring(o))}_getWindow(){return this._document.defaultView||window}_getFocusOrigin(t){return this._origin?this._originFromTouchInteraction?this._shouldBeAttributedToTouch(t)?"touch":"program":this._origin:this._windowFocused&&this._lastFocusOrigin?this._lastFocusOrigin:t&&this._isLastInteractionFromInputLabel(t)?"mouse":"program"}_shouldBeAttributedToTouch(t){return this._detectionMode===mt.EVENTUAL||!!t?.contains(this._inputModalityDetector._mostRecentTarget)}_setClasses(t,o){t.classList.toggle("cdk-focused",!!o),t.classList.toggle("cdk-touch-focused",o==="touch"),t.classList.toggle("cdk-keyboard-focused",o==="keyboard"),t.classList.toggle("cdk-mouse-focused",o==="mouse"),t.classList.toggle("cdk-program-focused",o==="program")}_setOrigin(t,o=!1){this._ngZone.runOutsideAngular(()=>{if(this._origin=t,this._originFromTouchInteraction=t==="touch"&&o,this._detectionMode===mt.IMMEDIATE){clearTimeout(this._originTimeoutId);let n=this._originFromTouchInteraction?yr:1;this._originTimeoutId=setTimeout(()=>this._origin=null,n)}})}_onFocus(t,o){let n=this._elementInfo.get(o),i=M(t);!n||!n.checkChildren&&o!==i||this._originChanged(o,this._getFocusOrigin(i),n)}_onBlur(t,o){let n=this._elementInfo.get(o);!n||n.checkChildren&&t.relatedTarget instanceof Node&&o.contains(t.relatedTarget)||(this._setClasses(o),this._emitOrigin(n,null))}_emitOrigin(t,o){t.subject.observers.length&&this._ngZone.run(()=>t.subject.next(o))}_registerGlobalListeners(t){if(!this._platform.isBrowser)return;let o=t.rootNode,n=this._rootNodeFocusListenerCount.get(o)||0;n||this._ngZone.runOutsideAngular(()=>{o.addEventListener("focus",this._rootNodeFocusAndBlurListener,qo),o.addEventListener("blur",this._rootNodeFocusAndBlurListener,qo)}),this._rootNodeFocusListenerCount.set(o,n+1),++this._monitoredElementCount===1&&(this._ngZone.runOutsideAngular(()=>{this._getWindow().addEventListener("focus",this._windowFocusListener)}),this._inputModalityDetector.modalityDetected.pipe(ft(this._stopInputModalityDetector)).subscribe(i=>{this._setOrigin(i,!0)}))}_removeGlobalListeners(t){let o=t.rootNode;if(this._rootNodeFocusListenerCount.has(o)){let n=this._rootNodeFocusListenerCount.get(o);n>1?this._rootNodeFocusListenerCount.set(o,n-1):(o.removeEventListener("focus",this._rootNodeFocusAndBlurListener,qo),o.removeEventListener("blur",this._rootNodeFocusAndBlurListener,qo),this._rootNodeFocusListenerCount.delete(o))}--this._monitoredElementCount||(this._getWindow().removeEventListener("focus",this._windowFocusListener),this._stopInputModalityDetector.next(),clearTimeout(this._windowFocusTimeoutId),clearTimeout(this._originTimeoutId))}_originChanged(t,o,n){this._setClasses(t,o),this._emitOrigin(n,o),this._lastFocusOrigin=o}_getClosestElementsInfo(t){let o=[];return this._elementInfo.forEach((n,i)=>{(i===t||n.checkChildren&&i.contains(t))&&o.push([i,n])}),o}_isLastInteractionFromInputLabel(t){let{_mostRecentTarget:o,mostRecentModality:n}=this._inputModalityDetector;if(n!=="mouse"||!o||o===t||t.nodeName!=="INPUT"&&t.nodeName!=="TEXTAREA"||t.disabled)return!1;let i=t.labels;if(i){for(let d=0;d<i.length;d++)if(i[d].contains(o))return!0}return!1}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var Bo=new WeakMap,N=(()=>{class r{_appRef;_injector=c(q);_environmentInjector=c(In);load(t){let o=this._appRef=this._appRef||this._injector.get(Kn),n=Bo.get(o);n||(n={loaders:new Set,refs:[]},Bo.set(o,n),o.onDestroy(()=>{Bo.get(o)?.refs.forEach(i=>i.destroy()),Bo.delete(o)})),n.loaders.has(t)||(n.loaders.add(t),n.refs.push(tr(t,{environmentInjector:this._environmentInjector})))}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var Pr=(()=>{class r{static \u0275fac=function(o){return new(o||r)};static \u0275cmp=E({type:r,selectors:[["ng-component"]],exportAs:["cdkVisuallyHidden"],decls:0,vars:0,template:function(o,n){},styles:[`.cdk-visually-hidden {
  border: 0;
  clip: rect(0 0 0 0);
  height: 1px;
  margin: -1px;
  overflow: hidden;
  padding: 0;
  position: absolute;
  width: 1px;
  white-space: nowrap;
  outline: 0;
  -webkit-appearance: none;
  -moz-appearance: none;
  left: 0;
}
[dir=rtl] .cdk-visually-hidden {
  left: auto;
  right: 0;
}
`],encapsulation:2,changeDetection:0})}return r})(),Uo;function ti(){if(Uo===void 0&&(Uo=null,typeof window<"u")){let r=window;r.trustedTypes!==void 0&&(Uo=r.trustedTypes.createPolicy("angular#components",{createHTML:e=>e}))}return Uo}function ei(r){return ti()?.createHTML(r)||r}function xr(r,e,t){let o=t.sanitize(Ln.HTML,e);r.innerHTML=ei(o||"")}function gn(r){return Array.isArray(r)?r:[r]}var Cr=new Set,J,No=(()=>{class r{_platform=c(A);_nonce=c(Jn,{optional:!0});_matchMedia;constructor(){this._matchMedia=this._platform.isBrowser&&window.matchMedia?window.matchMedia.bind(window):ni}matchMedia(t){return(this._platform.WEBKIT||this._platform.BLINK)&&oi(t,this._nonce),this._matchMedia(t)}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function oi(r,e){if(!Cr.has(r))try{J||(J=document.createElement("style"),e&&J.setAttribute("nonce",e),J.setAttribute("type","text/css"),document.head.appendChild(J)),J.sheet&&(J.sheet.insertRule(`@media ${r} {body{ }}`,0),Cr.add(r))}catch(t){console.error(t)}}function ni(r){return{matches:r==="all"||r==="",media:r,addListener:()=>{},removeListener:()=>{}}}var ri=(()=>{class r{_mediaMatcher=c(No);_zone=c(T);_queries=new Map;_destroySubject=new ot;constructor(){}ngOnDestroy(){this._destroySubject.next(),this._destroySubject.complete()}isMatched(t){return wr(gn(t)).some(n=>this._registerQuery(n).mql.matches)}observe(t){let n=wr(gn(t)).map(d=>this._registerQuery(d).observable),i=Dn(n);return i=Mn(i.pipe(kn(1)),i.pipe(bt(1),An(0))),i.pipe(s(d=>{let b={matches:!1,breakpoints:{}};return d.forEach(({matches:C,query:w})=>{b.matches=b.matches||C,b.breakpoints[w]=C}),b}))}_registerQuery(t){if(this._queries.has(t))return this._queries.get(t);let o=this._mediaMatcher.matchMedia(t),i={observable:new Sn(d=>{let b=C=>this._zone.run(()=>d.next(C));return o.addListener(b),()=>{o.removeListener(b)}}).pipe(jn(o),s(({matches:d})=>({query:t,matches:d})),ft(this._destroySubject)),mql:o};return this._queries.set(t,i),i}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function wr(r){return r.map(e=>e.split(",")).reduce((e,t)=>e.concat(t)).map(e=>e.trim())}var ii=(()=>{class r{create(t){return typeof MutationObserver>"u"?null:new MutationObserver(t)}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var rC=(()=>{class r{static \u0275fac=function(o){return new(o||r)};static \u0275mod=Y({type:r});static \u0275inj=Z({providers:[ii]})}return r})();var si=(()=>{class r{_platform=c(A);constructor(){}isDisabled(t){return t.hasAttribute("disabled")}isVisible(t){return pi(t)&&getComputedStyle(t).visibility==="visible"}isTabbable(t){if(!this._platform.isBrowser)return!1;let o=ai(hi(t));if(o&&(_r(o)===-1||!this.isVisible(o)))return!1;let n=t.nodeName.toLowerCase(),i=_r(t);return t.hasAttribute("contenteditable")?i!==-1:n==="iframe"||n==="object"||this._platform.WEBKIT&&this._platform.IOS&&!bi(t)?!1:n==="audio"?t.hasAttribute("controls")?i!==-1:!1:n==="video"?i===-1?!1:i!==null?!0:this._platform.FIREFOX||t.hasAttribute("controls"):t.tabIndex>=0}isFocusable(t,o){return fi(t)&&!this.isDisabled(t)&&(o?.ignoreVisibility||this.isVisible(t))}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function ai(r){try{return r.frameElement}catch{return null}}function pi(r){return!!(r.offsetWidth||r.offsetHeight||typeof r.getClientRects=="function"&&r.getClientRects().length)}function mi(r){let e=r.nodeName.toLowerCase();return e==="input"||e==="select"||e==="button"||e==="textarea"}function li(r){return di(r)&&r.type=="hidden"}function ci(r){return ui(r)&&r.hasAttribute("href")}function di(r){return r.nodeName.toLowerCase()=="input"}function ui(r){return r.nodeName.toLowerCase()=="a"}function Tr(r){if(!r.hasAttribute("tabindex")||r.tabIndex===void 0)return!1;let e=r.getAttribute("tabindex");return!!(e&&!isNaN(parseInt(e,10)))}function _r(r){if(!Tr(r))return null;let e=parseInt(r.getAttribute("tabindex")||"",10);return isNaN(e)?-1:e}function bi(r){let e=r.nodeName.toLowerCase(),t=e==="input"&&r.type;return t==="text"||t==="password"||e==="select"||e==="textarea"}function fi(r){return li(r)?!1:mi(r)||ci(r)||r.hasAttribute("contenteditable")||Tr(r)}function hi(r){return r.ownerDocument&&r.ownerDocument.defaultView||window}var yn=class{_element;_checker;_ngZone;_document;_injector;_startAnchor=null;_endAnchor=null;_hasAttached=!1;startAnchorListener=()=>this.focusLastTabbableElement();endAnchorListener=()=>this.focusFirstTabbableElement();get enabled(){return this._enabled}set enabled(e){this._enabled=e,this._startAnchor&&this._endAnchor&&(this._toggleAnchorTabIndex(e,this._startAnchor),this._toggleAnchorTabIndex(e,this._endAnchor))}_enabled=!0;constructor(e,t,o,n,i=!1,d){this._element=e,this._checker=t,this._ngZone=o,this._document=n,this._injector=d,i||this.attachAnchors()}destroy(){let e=this._startAnchor,t=this._endAnchor;e&&(e.removeEventListener("focus",this.startAnchorListener),e.remove()),t&&(t.removeEventListener("focus",this.endAnchorListener),t.remove()),this._startAnchor=this._endAnchor=null,this._hasAttached=!1}attachAnchors(){return this._hasAttached?!0:(this._ngZone.runOutsideAngular(()=>{this._startAnchor||(this._startAnchor=this._createAnchor(),this._startAnchor.addEventListener("focus",this.startAnchorListener)),this._endAnchor||(this._endAnchor=this._createAnchor(),this._endAnchor.addEventListener("focus",this.endAnchorListener))}),this._element.parentNode&&(this._element.parentNode.insertBefore(this._startAnchor,this._element),this._element.parentNode.insertBefore(this._endAnchor,this._element.nextSibling),this._hasAttached=!0),this._hasAttached)}focusInitialElementWhenReady(e){return new Promise(t=>{this._executeOnStable(()=>t(this.focusInitialElement(e)))})}focusFirstTabbableElementWhenReady(e){return new Promise(t=>{this._executeOnStable(()=>t(this.focusFirstTabbableElement(e)))})}focusLastTabbableElementWhenReady(e){return new Promise(t=>{this._executeOnStable(()=>t(this.focusLastTabbableElement(e)))})}_getRegionBoundary(e){let t=this._element.querySelectorAll(`[cdk-focus-region-${e}], [cdkFocusRegion${e}], [cdk-focus-${e}]`);return e=="start"?t.length?t[0]:this._getFirstTabbableElement(this._element):t.length?t[t.length-1]:this._getLastTabbableElement(this._element)}focusInitialElement(e){let t=this._element.querySelector("[cdk-focus-initial], [cdkFocusInitial]");if(t){if(!this._checker.isFocusable(t)){let o=this._getFirstTabbableElement(t);return o?.focus(e),!!o}return t.focus(e),!0}return this.focusFirstTabbableElement(e)}focusFirstTabbableElement(e){let t=this._getRegionBoundary("start");return t&&t.focus(e),!!t}focusLastTabbableElement(e){let t=this._getRegionBoundary("end");return t&&t.focus(e),!!t}hasAttached(){return this._hasAttached}_getFirstTabbableElement(e){if(this._checker.isFocusable(e)&&this._checker.isTabbable(e))return e;let t=e.children;for(let o=0;o<t.length;o++){let n=t[o].nodeType===this._document.ELEMENT_NODE?this._getFirstTabbableElement(t[o]):null;if(n)return n}return null}_getLastTabbableElement(e){if(this._checker.isFocusable(e)&&this._checker.isTabbable(e))return e;let t=e.children;for(let o=t.length-1;o>=0;o--){let n=t[o].nodeType===this._document.ELEMENT_NODE?this._getLastTabbableElement(t[o]):null;if(n)return n}return null}_createAnchor(){let e=this._document.createElement("div");return this._toggleAnchorTabIndex(this._enabled,e),e.classList.add("cdk-visually-hidden"),e.classList.add("cdk-focus-trap-anchor"),e.setAttribute("aria-hidden","true"),e}_toggleAnchorTabIndex(e,t){e?t.setAttribute("tabindex","0"):t.removeAttribute("tabindex")}toggleAnchors(e){this._startAnchor&&this._endAnchor&&(this._toggleAnchorTabIndex(e,this._startAnchor),this._toggleAnchorTabIndex(e,this._endAnchor))}_executeOnStable(e){this._injector?Gn(e,{injector:this._injector}):setTimeout(e)}},vi=(()=>{class r{_checker=c(si);_ngZone=c(T);_document=c(O);_injector=c(q);constructor(){c(N).load(Pr)}create(t,o=!1){return new yn(t,this._checker,this._ngZone,this._document,o,this._injector)}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var Sr=new _("liveAnnouncerElement",{providedIn:"root",factory:()=>null}),Er=new _("LIVE_ANNOUNCER_DEFAULT_OPTIONS"),gi=0,yi=(()=>{class r{_ngZone=c(T);_defaultOptions=c(Er,{optional:!0});_liveElement;_document=c(O);_sanitizer=c(sr);_previousTimeout;_currentPromise;_currentResolve;constructor(){let t=c(Sr,{optional:!0});this._liveElement=t||this._createLiveElement()}announce(t,...o){let n=this._defaultOptions,i,d;return o.length===1&&typeof o[0]=="number"?d=o[0]:[i,d]=o,this.clear(),clearTimeout(this._previousTimeout),i||(i=n&&n.politeness?n.politeness:"polite"),d==null&&n&&(d=n.duration),this._liveElement.setAttribute("aria-live",i),this._liveElement.id&&this._exposeAnnouncerToModals(this._liveElement.id),this._ngZone.runOutsideAngular(()=>(this._currentPromise||(this._currentPromise=new Promise(b=>this._currentResolve=b)),clearTimeout(this._previousTimeout),this._previousTimeout=setTimeout(()=>{!t||typeof t=="string"?this._liveElement.textContent=t:xr(this._liveElement,t,this._sanitizer),typeof d=="number"&&(this._previousTimeout=setTimeout(()=>this.clear(),d)),this._currentResolve?.(),this._currentPromise=this._currentResolve=void 0},100),this._currentPromise))}clear(){this._liveElement&&(this._liveElement.textContent="")}ngOnDestroy(){clearTimeout(this._previousTimeout),this._liveElement?.remove(),this._liveElement=null,this._currentResolve?.(),this._currentPromise=this._currentResolve=void 0}_createLiveElement(){let t="cdk-live-announcer-element",o=this._document.getElementsByClassName(t),n=this._document.createElement("div");for(let i=0;i<o.length;i++)o[i].remove();return n.classList.add(t),n.classList.add("cdk-visually-hidden"),n.setAttribute("aria-atomic","true"),n.setAttribute("aria-live","polite"),n.id=`cdk-live-announcer-${gi++}`,this._document.body.appendChild(n),n}_exposeAnnouncerToModals(t){let o=this._document.querySelectorAll('body > .cdk-overlay-container [aria-modal="true"]');for(let n=0;n<o.length;n++){let i=o[n],d=i.getAttribute("aria-owns");d?d.indexOf(t)===-1&&i.setAttribute("aria-owns",d+" "+t):i.setAttribute("aria-owns",t)}}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function vC(r,...e){return e.length?e.some(t=>r[t]):r.altKey||r.shiftKey||r.ctrlKey||r.metaKey}var Hn={},Rn=class r{_appId=c(Bn);static _infix=`a${Math.floor(Math.random()*1e5).toString()}`;getId(e,t=!1){return this._appId!=="ng"&&(e+=this._appId),Hn.hasOwnProperty(e)||(Hn[e]=0),`${e}${t?r._infix+"-":""}${Hn[e]++}`}static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var lt=(function(r){return r[r.NORMAL=0]="NORMAL",r[r.NEGATED=1]="NEGATED",r[r.INVERTED=2]="INVERTED",r})(lt||{}),Jo,W;function kC(){if(W==null){if(typeof document!="object"||!document||typeof Element!="function"||!Element)return W=!1,W;if(document.documentElement?.style&&"scrollBehavior"in document.documentElement.style)W=!0;else{let r=Element.prototype.scrollTo;r?W=!/\{\s*\[native code\]\s*\}/.test(r.toString()):W=!1}}return W}function OC(){if(typeof document!="object"||!document)return lt.NORMAL;if(Jo==null){let r=document.createElement("div"),e=r.style;r.dir="rtl",e.width="1px",e.overflow="auto",e.visibility="hidden",e.pointerEvents="none",e.position="absolute";let t=document.createElement("div"),o=t.style;o.width="2px",o.height="1px",r.appendChild(t),document.body.appendChild(r),Jo=lt.NORMAL,r.scrollLeft===0&&(r.scrollLeft=1,Jo=r.scrollLeft===0?lt.NEGATED:lt.INVERTED),r.remove()}return Jo}function IC(){return typeof __karma__<"u"&&!!__karma__||typeof jasmine<"u"&&!!jasmine||typeof jest<"u"&&!!jest||typeof Mocha<"u"&&!!Mocha}var et,$r=["color","button","checkbox","date","datetime-local","email","file","hidden","image","month","number","password","radio","range","reset","search","submit","tel","text","time","url","week"];function VC(){if(et)return et;if(typeof document!="object"||!document)return et=new Set($r),et;let r=document.createElement("input");return et=new Set($r.filter(e=>(r.setAttribute("type",e),r.type===e))),et}var NC={XSmall:"(max-width: 599.98px)",Small:"(min-width: 600px) and (max-width: 959.98px)",Medium:"(min-width: 960px) and (max-width: 1279.98px)",Large:"(min-width: 1280px) and (max-width: 1919.98px)",XLarge:"(min-width: 1920px)",Handset:"(max-width: 599.98px) and (orientation: portrait), (max-width: 959.98px) and (orientation: landscape)",Tablet:"(min-width: 600px) and (max-width: 839.98px) and (orientation: portrait), (min-width: 960px) and (max-width: 1279.98px) and (orientation: landscape)",Web:"(min-width: 840px) and (orientation: portrait), (min-width: 1280px) and (orientation: landscape)",HandsetPortrait:"(max-width: 599.98px) and (orientation: portrait)",TabletPortrait:"(min-width: 600px) and (max-width: 839.98px) and (orientation: portrait)",WebPortrait:"(min-width: 840px) and (orientation: portrait)",HandsetLandscape:"(max-width: 959.98px) and (orientation: landscape)",TabletLandscape:"(min-width: 960px) and (max-width: 1279.98px) and (orientation: landscape)",WebLandscape:"(min-width: 1280px) and (orientation: landscape)"};var Hi=new _("MATERIAL_ANIMATIONS"),Dr=null;function Ri(){return c(Hi,{optional:!0})?.animationsDisabled||c(Nn,{optional:!0})==="NoopAnimations"?"di-disabled":(Dr??=c(No).matchMedia("(prefers-reduced-motion)").matches,Dr?"reduced-motion":"enabled")}function Wo(){return Ri()!=="enabled"}function ZC(r){return r==null?"":typeof r=="string"?r:`${r}px`}function QC(r){return r!=null&&`${r}`!="false"}var $=(function(r){return r[r.FADING_IN=0]="FADING_IN",r[r.VISIBLE=1]="VISIBLE",r[r.FADING_OUT=2]="FADING_OUT",r[r.HIDDEN=3]="HIDDEN",r})($||{}),Pn=class{_renderer;element;config;_animationForciblyDisabledThroughCss;state=$.HIDDEN;constructor(e,t,o,n=!1){this._renderer=e,this.element=t,this.config=o,this._animationForciblyDisabledThroughCss=n}fadeOut(){this._renderer.fadeOutRipple(this)}},Mr=tt({passive:!0,capture:!0}),xn=class{_events=new Map;addHandler(e,t,o,n){let i=this._events.get(t);if(i){let d=i.get(o);d?d.add(n):i.set(o,new Set([n]))}else this._events.set(t,new Map([[o,new Set([n])]])),e.runOutsideAngular(()=>{document.addEventListener(t,this._delegateEventHandler,Mr)})}removeHandler(e,t,o){let n=this._events.get(e);if(!n)return;let i=n.get(t);i&&(i.delete(o),i.size===0&&n.delete(t),n.size===0&&(this._events.delete(e),document.removeEventListener(e,this._delegateEventHandler,Mr)))}_delegateEventHandler=e=>{let t=M(e);t&&this._events.get(e.type)?.forEach((o,n)=>{(n===t||n.contains(t))&&o.forEach(i=>i.handleEvent(e))})}},ct={enterDuration:225,exitDuration:150},Pi=800,Ar=tt({passive:!0,capture:!0}),kr=["mousedown","touchstart"],Or=["mouseup","mouseleave","touchend","touchcancel"],xi=(()=>{class r{static \u0275fac=function(o){return new(o||r)};static \u0275cmp=E({type:r,selectors:[["ng-component"]],hostAttrs:["mat-ripple-style-loader",""],decls:0,vars:0,template:function(o,n){},styles:[`.mat-ripple {
  overflow: hidden;
  position: relative;
}
.mat-ripple:not(:empty) {
  transform: translateZ(0);
}

.mat-ripple.mat-ripple-unbounded {
  overflow: visible;
}

.mat-ripple-element {
  position: absolute;
  border-radius: 50%;
  pointer-events: none;
  transition: opacity, transform 0ms cubic-bezier(0, 0, 0.2, 1);
  transform: scale3d(0, 0, 0);
  background-color: var(--mat-ripple-color, color-mix(in srgb, var(--mat-sys-on-surface) 10%, transparent));
}
@media (forced-colors: active) {
  .mat-ripple-element {
    display: none;
  }
}
.cdk-drag-preview .mat-ripple-element, .cdk-drag-placeholder .mat-ripple-element {
  display: none;
}
`],encapsulation:2,changeDetection:0})}return r})(),Go=class r{_target;_ngZone;_platform;_containerElement;_triggerElement=null;_isPointerDown=!1;_activeRipples=new Map;_mostRecentTransientRipple=null;_lastTouchStartEvent;_pointerUpEventsRegistered=!1;_containerRect=null;static _eventManager=new xn;constructor(e,t,o,n,i){this._target=e,this._ngZone=t,this._platform=n,n.isBrowser&&(this._containerElement=V(o)),i&&i.get(N).load(xi)}fadeInRipple(e,t,o={}){let n=this._containerRect=this._containerRect||this._containerElement.getBoundingClientRect(),i=k(k({},ct),o.animation);o.centered&&(e=n.left+n.width/2,t=n.top+n.height/2);let d=o.radius||Ci(e,t,n),b=e-n.left,C=t-n.top,w=i.enterDuration,g=document.createElement("div");g.classList.add("mat-ripple-element"),g.style.left=`${b-d}px`,g.style.top=`${C-d}px`,g.style.height=`${d*2}px`,g.style.width=`${d*2}px`,o.color!=null&&(g.style.backgroundColor=o.color),g.style.transitionDuration=`${w}ms`,this._containerElement.appendChild(g);let F=window.getComputedStyle(g),dt=F.transitionProperty,G=F.transitionDuration,z=dt==="none"||G==="0s"||G==="0s, 0s"||n.width===0&&n.height===0,D=new Pn(this,g,o,z);g.style.transform="scale3d(1, 1, 1)",D.state=$.FADING_IN,o.persistent||(this._mostRecentTransientRipple=D);let K=null;return!z&&(w||i.exitDuration)&&this._ngZone.runOutsideAngular(()=>{let v=()=>{K&&(K.fallbackTimer=null),clearTimeout(x),this._finishRippleTransition(D)},P=()=>this._destroyRipple(D),x=setTimeout(P,w+100);g.addEventListener("transitionend",v),g.addEventListener("transitioncancel",P),K={onTransitionEnd:v,onTransitionCancel:P,fallbackTimer:x}}),this._activeRipples.set(D,K),(z||!w)&&this._finishRippleTransition(D),D}fadeOutRipple(e){if(e.state===$.FADING_OUT||e.state===$.HIDDEN)return;let t=e.element,o=k(k({},ct),e.config.animation);t.style.transitionDuration=`${o.exitDuration}ms`,t.style.opacity="0",e.state=$.FADING_OUT,(e._animationForciblyDisabledThroughCss||!o.exitDuration)&&this._finishRippleTransition(e)}fadeOutAll(){this._getActiveRipples().forEach(e=>e.fadeOut())}fadeOutAllNonPersistent(){this._getActiveRipples().forEach(e=>{e.config.persistent||e.fadeOut()})}setupTriggerEvents(e){let t=V(e);!this._platform.isBrowser||!t||t===this._triggerElement||(this._removeTriggerEvents(),this._triggerElement=t,kr.forEach(o=>{r._eventManager.addHandler(this._ngZone,o,t,this)}))}handleEvent(e){e.type==="mousedown"?this._onMousedown(e):e.type==="touchstart"?this._onTouchStart(e):this._onPointerUp(),this._pointerUpEventsRegistered||(this._ngZone.runOutsideAngular(()=>{Or.forEach(t=>{this._triggerElement.addEventListener(t,this,Ar)})}),this._pointerUpEventsRegistered=!0)}_finishRippleTransition(e){e.state===$.FADING_IN?this._startFadeOutTransition(e):e.state===$.FADING_OUT&&this._destroyRipple(e)}_startFadeOutTransition(e){let t=e===this._mostRecentTransientRipple,{persistent:o}=e.config;e.state=$.VISIBLE,!o&&(!t||!this._isPointerDown)&&e.fadeOut()}_destroyRipple(e){let t=this._activeRipples.get(e)??null;this._activeRipples.delete(e),this._activeRipples.size||(this._containerRect=null),e===this._mostRecentTransientRipple&&(this._mostRecentTransientRipple=null),e.state=$.HIDDEN,t!==null&&(e.element.removeEventListener("transitionend",t.onTransitionEnd),e.element.removeEventListener("transitioncancel",t.onTransitionCancel),t.fallbackTimer!==null&&clearTimeout(t.fallbackTimer)),e.element.remove()}_onMousedown(e){let t=st(e),o=this._lastTouchStartEvent&&Date.now()<this._lastTouchStartEvent+Pi;!this._target.rippleDisabled&&!t&&!o&&(this._isPointerDown=!0,this.fadeInRipple(e.clientX,e.clientY,this._target.rippleConfig))}_onTouchStart(e){if(!this._target.rippleDisabled&&!at(e)){this._lastTouchStartEvent=Date.now(),this._isPointerDown=!0;let t=e.changedTouches;if(t)for(let o=0;o<t.length;o++)this.fadeInRipple(t[o].clientX,t[o].clientY,this._target.rippleConfig)}}_onPointerUp(){this._isPointerDown&&(this._isPointerDown=!1,this._getActiveRipples().forEach(e=>{let t=e.state===$.VISIBLE||e.config.terminateOnPointerUp&&e.state===$.FADING_IN;!e.config.persistent&&t&&e.fadeOut()}))}_getActiveRipples(){return Array.from(this._activeRipples.keys())}_removeTriggerEvents(){let e=this._triggerElement;e&&(kr.forEach(t=>r._eventManager.removeHandler(t,e,this)),this._pointerUpEventsRegistered&&(Or.forEach(t=>e.removeEventListener(t,this,Ar)),this._pointerUpEventsRegistered=!1))}};function Ci(r,e,t){let o=Math.max(Math.abs(r-t.left),Math.abs(r-t.right)),n=Math.max(Math.abs(e-t.top),Math.abs(e-t.bottom));return Math.sqrt(o*o+n*n)}var jr=new _("mat-ripple-global-options");var wi={capture:!0},_i=["focus","mousedown","mouseenter","touchstart"],Cn="mat-ripple-loader-uninitialized",wn="mat-ripple-loader-class-name",Ir="mat-ripple-loader-centered",zo="mat-ripple-loader-disabled",Lr=(()=>{class r{_document=c(O);_animationsDisabled=Wo();_globalRippleOptions=c(jr,{optional:!0});_platform=c(A);_ngZone=c(T);_injector=c(q);_eventCleanups;_hosts=new Map;constructor(){let t=c(ht).createRenderer(null,null);this._eventCleanups=this._ngZone.runOutsideAngular(()=>_i.map(o=>t.listen(this._document,o,this._onInteraction,wi)))}ngOnDestroy(){let t=this._hosts.keys();for(let o of t)this.destroyRipple(o);this._eventCleanups.forEach(o=>o())}configureRipple(t,o){t.setAttribute(Cn,this._globalRippleOptions?.namespace??""),(o.className||!t.hasAttribute(wn))&&t.setAttribute(wn,o.className||""),o.centered&&t.setAttribute(Ir,""),o.disabled&&t.setAttribute(zo,"")}setDisabled(t,o){let n=this._hosts.get(t);n?(n.target.rippleDisabled=o,!o&&!n.hasSetUpEvents&&(n.hasSetUpEvents=!0,n.renderer.setupTriggerEvents(t))):o?t.setAttribute(zo,""):t.removeAttribute(zo)}_onInteraction=t=>{let o=M(t);if(o instanceof HTMLElement){let n=o.closest(`[${Cn}="${this._globalRippleOptions?.namespace??""}"]`);n&&this._createRipple(n)}};_createRipple(t){if(!this._document||this._hosts.has(t))return;t.querySelector(".mat-ripple")?.remove();let o=this._document.createElement("span");o.classList.add("mat-ripple",t.getAttribute(wn)),t.append(o);let n=this._globalRippleOptions,i=this._animationsDisabled?0:n?.animation?.enterDuration??ct.enterDuration,d=this._animationsDisabled?0:n?.animation?.exitDuration??ct.exitDuration,b={rippleDisabled:this._animationsDisabled||n?.disabled||t.hasAttribute(zo),rippleConfig:{centered:t.hasAttribute(Ir),terminateOnPointerUp:n?.terminateOnPointerUp,animation:{enterDuration:i,exitDuration:d}}},C=new Go(b,this._ngZone,o,this._platform,this._injector),w=!b.rippleDisabled;w&&C.setupTriggerEvents(t),this._hosts.set(t,{target:b,renderer:C,hasSetUpEvents:w}),t.removeAttribute(Cn)}destroyRipple(t){let o=this._hosts.get(t);o&&(o.renderer._removeTriggerEvents(),this._hosts.delete(t))}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var Vr=(()=>{class r{static \u0275fac=function(o){return new(o||r)};static \u0275cmp=E({type:r,selectors:[["structural-styles"]],decls:0,vars:0,template:function(o,n){},styles:[`.mat-focus-indicator {
  position: relative;
}
.mat-focus-indicator::before {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  box-sizing: border-box;
  pointer-events: none;
  display: var(--mat-focus-indicator-display, none);
  border-width: var(--mat-focus-indicator-border-width, 3px);
  border-style: var(--mat-focus-indicator-border-style, solid);
  border-color: var(--mat-focus-indicator-border-color, transparent);
  border-radius: var(--mat-focus-indicator-border-radius, 4px);
}
.mat-focus-indicator:focus-visible::before {
  content: "";
}

@media (forced-colors: active) {
  html {
    --mat-focus-indicator-display: block;
  }
}
`],encapsulation:2,changeDetection:0})}return r})();var Ti=["mat-icon-button",""],Si=["*"],Ei=new _("MAT_BUTTON_CONFIG");function Fr(r){return r==null?void 0:Xn(r)}var _n=(()=>{class r{_elementRef=c(B);_ngZone=c(T);_animationsDisabled=Wo();_config=c(Ei,{optional:!0});_focusMonitor=c(vn);_cleanupClick;_renderer=c(zn);_rippleLoader=c(Lr);_isAnchor;_isFab=!1;color;get disableRipple(){return this._disableRipple}set disableRipple(t){this._disableRipple=t,this._updateRippleDisabled()}_disableRipple=!1;get disabled(){return this._disabled}set disabled(t){this._disabled=t,this._updateRippleDisabled()}_disabled=!1;ariaDisabled;disabledInteractive;tabIndex;set _tabindex(t){this.tabIndex=t}constructor(){c(N).load(Vr);let t=this._elementRef.nativeElement;this._isAnchor=t.tagName==="A",this.disabledInteractive=this._config?.disabledInteractive??!1,this.color=this._config?.color??null,this._rippleLoader?.configureRipple(t,{className:"mat-mdc-button-ripple"})}ngAfterViewInit(){this._focusMonitor.monitor(this._elementRef,!0),this._isAnchor&&this._setupAsAnchor()}ngOnDestroy(){this._cleanupClick?.(),this._focusMonitor.stopMonitoring(this._elementRef),this._rippleLoader?.destroyRipple(this._elementRef.nativeElement)}focus(t="program",o){t?this._focusMonitor.focusVia(this._elementRef.nativeElement,t,o):this._elementRef.nativeElement.focus(o)}_getAriaDisabled(){return this.ariaDisabled!=null?this.ariaDisabled:this._isAnchor?this.disabled||null:this.disabled&&this.disabledInteractive?!0:null}_getDisabledAttribute(){return this.disabledInteractive||!this.disabled?null:!0}_updateRippleDisabled(){this._rippleLoader?.setDisabled(this._elementRef.nativeElement,this.disableRipple||this.disabled)}_getTabIndex(){return this._isAnchor?this.disabled&&!this.disabledInteractive?-1:this.tabIndex:this.tabIndex}_setupAsAnchor(){this._cleanupClick=this._ngZone.runOutsideAngular(()=>this._renderer.listen(this._elementRef.nativeElement,"click",t=>{this.disabled&&(t.preventDefault(),t.stopImmediatePropagation())}))}static \u0275fac=function(o){return new(o||r)};static \u0275dir=U({type:r,hostAttrs:[1,"mat-mdc-button-base"],hostVars:13,hostBindings:function(o,n){o&2&&(nt("disabled",n._getDisabledAttribute())("aria-disabled",n._getAriaDisabled())("tabindex",n._getTabIndex()),Zn(n.color?"mat-"+n.color:""),rt("mat-mdc-button-disabled",n.disabled)("mat-mdc-button-disabled-interactive",n.disabledInteractive)("mat-unthemed",!n.color)("_mat-animation-noopable",n._animationsDisabled))},inputs:{color:"color",disableRipple:[2,"disableRipple","disableRipple",X],disabled:[2,"disabled","disabled",X],ariaDisabled:[2,"aria-disabled","ariaDisabled",X],disabledInteractive:[2,"disabledInteractive","disabledInteractive",X],tabIndex:[2,"tabIndex","tabIndex",Fr],_tabindex:[2,"tabindex","_tabindex",Fr]}})}return r})(),$i=(()=>{class r extends _n{constructor(){super(),this._rippleLoader.configureRipple(this._elementRef.nativeElement,{centered:!0})}static \u0275fac=function(o){return new(o||r)};static \u0275cmp=E({type:r,selectors:[["button","mat-icon-button",""],["a","mat-icon-button",""],["button","matIconButton",""],["a","matIconButton",""]],hostAttrs:[1,"mdc-icon-button","mat-mdc-icon-button"],exportAs:["matButton","matAnchor"],features:[vt],attrs:Ti,ngContentSelectors:Si,decls:4,vars:0,consts:[[1,"mat-mdc-button-persistent-ripple","mdc-icon-button__ripple"],[1,"mat-focus-indicator"],[1,"mat-mdc-button-touch-target"]],template:function(o,n){o&1&&(Ht(),I(0,"span",0),Q(1),I(2,"span",1)(3,"span",2))},styles:[`.mat-mdc-icon-button {
  -webkit-user-select: none;
  user-select: none;
  display: inline-block;
  position: relative;
  box-sizing: border-box;
  border: none;
  outline: none;
  background-color: transparent;
  fill: currentColor;
  text-decoration: none;
  cursor: pointer;
  z-index: 0;
  overflow: visible;
  border-radius: var(--mat-icon-button-container-shape, var(--mat-sys-corner-full, 50%));
  flex-shrink: 0;
  text-align: center;
  width: var(--mat-icon-button-state-layer-size, 40px);
  height: var(--mat-icon-button-state-layer-size, 40px);
  padding: calc(calc(var(--mat-icon-button-state-layer-size, 40px) - var(--mat-icon-button-icon-size, 24px)) / 2);
  font-size: var(--mat-icon-button-icon-size, 24px);
  color: var(--mat-icon-button-icon-color, var(--mat-sys-on-surface-variant));
  -webkit-tap-highlight-color: transparent;
}
.mat-mdc-icon-button .mat-mdc-button-ripple,
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple,
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple::before {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  pointer-events: none;
  border-radius: inherit;
}
.mat-mdc-icon-button .mat-mdc-button-ripple {
  overflow: hidden;
}
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple::before {
  content: "";
  opacity: 0;
}
.mat-mdc-icon-button .mdc-button__label,
.mat-mdc-icon-button .mat-icon {
  z-index: 1;
  position: relative;
}
.mat-mdc-icon-button .mat-focus-indicator {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  border-radius: inherit;
}
.mat-mdc-icon-button:focus-visible > .mat-focus-indicator::before {
  content: "";
  border-radius: inherit;
}
.mat-mdc-icon-button .mat-ripple-element {
  background-color: var(--mat-icon-button-ripple-color, color-mix(in srgb, var(--mat-sys-on-surface-variant) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-icon-button-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-icon-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-icon-button-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-icon-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-icon-button-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-icon-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-icon-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-icon-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-icon-button-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-icon-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-icon-button-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-icon-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-icon-button-touch-target-size, 48px);
  display: var(--mat-icon-button-touch-target-display, block);
  left: 50%;
  width: var(--mat-icon-button-touch-target-size, 48px);
  transform: translate(-50%, -50%);
}
.mat-mdc-icon-button._mat-animation-noopable {
  transition: none !important;
  animation: none !important;
}
.mat-mdc-icon-button[disabled], .mat-mdc-icon-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-icon-button-disabled-icon-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
}
.mat-mdc-icon-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}
.mat-mdc-icon-button img,
.mat-mdc-icon-button svg {
  width: var(--mat-icon-button-icon-size, 24px);
  height: var(--mat-icon-button-icon-size, 24px);
  vertical-align: baseline;
}
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple {
  border-radius: var(--mat-icon-button-container-shape, var(--mat-sys-corner-full, 50%));
}
.mat-mdc-icon-button[hidden] {
  display: none;
}
.mat-mdc-icon-button.mat-unthemed:not(.mdc-ripple-upgraded):focus::before, .mat-mdc-icon-button.mat-primary:not(.mdc-ripple-upgraded):focus::before, .mat-mdc-icon-button.mat-accent:not(.mdc-ripple-upgraded):focus::before, .mat-mdc-icon-button.mat-warn:not(.mdc-ripple-upgraded):focus::before {
  background: transparent;
  opacity: 1;
}
`,`@media (forced-colors: active) {
  .mat-mdc-button:not(.mdc-button--outlined),
  .mat-mdc-unelevated-button:not(.mdc-button--outlined),
  .mat-mdc-raised-button:not(.mdc-button--outlined),
  .mat-mdc-outlined-button:not(.mdc-button--outlined),
  .mat-mdc-button-base.mat-tonal-button,
  .mat-mdc-icon-button.mat-mdc-icon-button,
  .mat-mdc-outlined-button .mdc-button__ripple {
    outline: solid 1px;
  }
}
`],encapsulation:2,changeDetection:0})}return r})();var Di=new _("cdk-dir-doc",{providedIn:"root",factory:()=>c(O)}),Mi=/^(ar|ckb|dv|he|iw|fa|nqo|ps|sd|ug|ur|yi|.*[-_](Adlm|Arab|Hebr|Nkoo|Rohg|Thaa))(?!.*[-_](Latn|Cyrl)($|-|_))($|-|_)/i;function qr(r){let e=r?.toLowerCase()||"";return e==="auto"&&typeof navigator<"u"&&navigator?.language?Mi.test(navigator.language)?"rtl":"ltr":e==="rtl"?"rtl":"ltr"}var Ai=(()=>{class r{get value(){return this.valueSignal()}valueSignal=S("ltr");change=new Ko;constructor(){let t=c(Di,{optional:!0});if(t){let o=t.body?t.body.dir:null,n=t.documentElement?t.documentElement.dir:null;this.valueSignal.set(qr(o||n||"ltr"))}}ngOnDestroy(){this.change.complete()}static \u0275fac=function(o){return new(o||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var Iw=(()=>{class r{static \u0275fac=function(o){return new(o||r)};static \u0275mod=Y({type:r});static \u0275inj=Z({})}return r})();var ki=["matButton",""],Oi=[[["",8,"material-icons",3,"iconPositionEnd",""],["mat-icon",3,"iconPositionEnd",""],["","matButtonIcon","",3,"iconPositionEnd",""]],"*",[["","iconPositionEnd","",8,"material-icons"],["mat-icon","iconPositionEnd",""],["","matButtonIcon","","iconPositionEnd",""]]],ji=[".material-icons:not([iconPositionEnd]), mat-icon:not([iconPositionEnd]), [matButtonIcon]:not([iconPositionEnd])","*",".material-icons[iconPositionEnd], mat-icon[iconPositionEnd], [matButtonIcon][iconPositionEnd]"];var Br=new Map([["text",["mat-mdc-button"]],["filled",["mdc-button--unelevated","mat-mdc-unelevated-button"]],["elevated",["mdc-button--raised","mat-mdc-raised-button"]],["outlined",["mdc-button--outlined","mat-mdc-outlined-button"]],["tonal",["mat-tonal-button"]]]),Fw=(()=>{class r extends _n{get appearance(){return this._appearance}set appearance(t){this.setAppearance(t||this._config?.defaultAppearance||"text")}_appearance=null;constructor(){super();let t=Ii(this._elementRef.nativeElement);t&&this.setAppearance(t)}setAppearance(t){if(t===this._appearance)return;let o=this._elementRef.nativeElement.classList,n=this._appearance?Br.get(this._appearance):null,i=Br.get(t);n&&o.remove(...n),o.add(...i),this._appearance=t}static \u0275fac=function(o){return new(o||r)};static \u0275cmp=E({type:r,selectors:[["button","matButton",""],["a","matButton",""],["button","mat-button",""],["button","mat-raised-button",""],["button","mat-flat-button",""],["button","mat-stroked-button",""],["a","mat-button",""],["a","mat-raised-button",""],["a","mat-flat-button",""],["a","mat-stroked-button",""]],hostAttrs:[1,"mdc-button"],inputs:{appearance:[0,"matButton","appearance"]},exportAs:["matButton","matAnchor"],features:[vt],attrs:ki,ngContentSelectors:ji,decls:7,vars:4,consts:[[1,"mat-mdc-button-persistent-ripple"],[1,"mdc-button__label"],[1,"mat-focus-indicator"],[1,"mat-mdc-button-touch-target"]],template:function(o,n){o&1&&(Ht(Oi),I(0,"span",0),Q(1),gt(2,"span",1),Q(3,1),yt(),Q(4,2),I(5,"span",2)(6,"span",3)),o&2&&rt("mdc-button__ripple",!n._isFab)("mdc-fab__ripple",n._isFab)},styles:[`.mat-mdc-button-base {
  text-decoration: none;
}
.mat-mdc-button-base .mat-icon {
  min-height: fit-content;
  flex-shrink: 0;
}
@media (hover: none) {
  .mat-mdc-button-base:hover > span.mat-mdc-button-persistent-ripple::before {
    opacity: 0;
  }
}

.mdc-button {
  -webkit-user-select: none;
  user-select: none;
  position: relative;
  display: inline-flex;
  align-items: center;
  justify-content: center;
  box-sizing: border-box;
  min-width: 64px;
  border: none;
  outline: none;
  line-height: inherit;
  -webkit-appearance: none;
  overflow: visible;
  vertical-align: middle;
  background: transparent;
  padding: 0 8px;
}
.mdc-button::-moz-focus-inner {
  padding: 0;
  border: 0;
}
.mdc-button:active {
  outline: none;
}
.mdc-button:hover {
  cursor: pointer;
}
.mdc-button:disabled {
  cursor: default;
  pointer-events: none;
}
.mdc-button[hidden] {
  display: none;
}
.mdc-button .mdc-button__label {
  position: relative;
}

.mat-mdc-button {
  padding: 0 var(--mat-button-text-horizontal-padding, 12px);
  height: var(--mat-button-text-container-height, 40px);
  font-family: var(--mat-button-text-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-text-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-text-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-text-label-text-transform);
  font-weight: var(--mat-button-text-label-text-weight, var(--mat-sys-label-large-weight));
}
.mat-mdc-button, .mat-mdc-button .mdc-button__ripple {
  border-radius: var(--mat-button-text-container-shape, var(--mat-sys-corner-full));
}
.mat-mdc-button:not(:disabled) {
  color: var(--mat-button-text-label-text-color, var(--mat-sys-primary));
}
.mat-mdc-button[disabled], .mat-mdc-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-text-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
}
.mat-mdc-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}
.mat-mdc-button:has(.material-icons, mat-icon, [matButtonIcon]) {
  padding: 0 var(--mat-button-text-with-icon-horizontal-padding, 16px);
}
.mat-mdc-button > .mat-icon {
  margin-right: var(--mat-button-text-icon-spacing, 8px);
  margin-left: var(--mat-button-text-icon-offset, -4px);
}
[dir=rtl] .mat-mdc-button > .mat-icon {
  margin-right: var(--mat-button-text-icon-offset, -4px);
  margin-left: var(--mat-button-text-icon-spacing, 8px);
}
.mat-mdc-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-text-icon-offset, -4px);
  margin-left: var(--mat-button-text-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-text-icon-spacing, 8px);
  margin-left: var(--mat-button-text-icon-offset, -4px);
}
.mat-mdc-button .mat-ripple-element {
  background-color: var(--mat-button-text-ripple-color, color-mix(in srgb, var(--mat-sys-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-text-state-layer-color, var(--mat-sys-primary));
}
.mat-mdc-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-text-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-text-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-text-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-text-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-text-touch-target-size, 48px);
  display: var(--mat-button-text-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}

.mat-mdc-unelevated-button {
  transition: box-shadow 280ms cubic-bezier(0.4, 0, 0.2, 1);
  height: var(--mat-button-filled-container-height, 40px);
  font-family: var(--mat-button-filled-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-filled-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-filled-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-filled-label-text-transform);
  font-weight: var(--mat-button-filled-label-text-weight, var(--mat-sys-label-large-weight));
  padding: 0 var(--mat-button-filled-horizontal-padding, 24px);
}
.mat-mdc-unelevated-button > .mat-icon {
  margin-right: var(--mat-button-filled-icon-spacing, 8px);
  margin-left: var(--mat-button-filled-icon-offset, -8px);
}
[dir=rtl] .mat-mdc-unelevated-button > .mat-icon {
  margin-right: var(--mat-button-filled-icon-offset, -8px);
  margin-left: var(--mat-button-filled-icon-spacing, 8px);
}
.mat-mdc-unelevated-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-filled-icon-offset, -8px);
  margin-left: var(--mat-button-filled-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-unelevated-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-filled-icon-spacing, 8px);
  margin-left: var(--mat-button-filled-icon-offset, -8px);
}
.mat-mdc-unelevated-button .mat-ripple-element {
  background-color: var(--mat-button-filled-ripple-color, color-mix(in srgb, var(--mat-sys-on-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-filled-state-layer-color, var(--mat-sys-on-primary));
}
.mat-mdc-unelevated-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-filled-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-unelevated-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-filled-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-unelevated-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-unelevated-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-unelevated-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-filled-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-unelevated-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-filled-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-unelevated-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-filled-touch-target-size, 48px);
  display: var(--mat-button-filled-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}
.mat-mdc-unelevated-button:not(:disabled) {
  color: var(--mat-button-filled-label-text-color, var(--mat-sys-on-primary));
  background-color: var(--mat-button-filled-container-color, var(--mat-sys-primary));
}
.mat-mdc-unelevated-button, .mat-mdc-unelevated-button .mdc-button__ripple {
  border-radius: var(--mat-button-filled-container-shape, var(--mat-sys-corner-full));
}
.mat-mdc-unelevated-button[disabled], .mat-mdc-unelevated-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-filled-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  background-color: var(--mat-button-filled-disabled-container-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-mdc-unelevated-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}

.mat-mdc-raised-button {
  transition: box-shadow 280ms cubic-bezier(0.4, 0, 0.2, 1);
  box-shadow: var(--mat-button-protected-container-elevation-shadow, var(--mat-sys-level1));
  height: var(--mat-button-protected-container-height, 40px);
  font-family: var(--mat-button-protected-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-protected-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-protected-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-protected-label-text-transform);
  font-weight: var(--mat-button-protected-label-text-weight, var(--mat-sys-label-large-weight));
  padding: 0 var(--mat-button-protected-horizontal-padding, 24px);
}
.mat-mdc-raised-button > .mat-icon {
  margin-right: var(--mat-button-protected-icon-spacing, 8px);
  margin-left: var(--mat-button-protected-icon-offset, -8px);
}
[dir=rtl] .mat-mdc-raised-button > .mat-icon {
  margin-right: var(--mat-button-protected-icon-offset, -8px);
  margin-left: var(--mat-button-protected-icon-spacing, 8px);
}
.mat-mdc-raised-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-protected-icon-offset, -8px);
  margin-left: var(--mat-button-protected-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-raised-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-protected-icon-spacing, 8px);
  margin-left: var(--mat-button-protected-icon-offset, -8px);
}
.mat-mdc-raised-button .mat-ripple-element {
  background-color: var(--mat-button-protected-ripple-color, color-mix(in srgb, var(--mat-sys-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-protected-state-layer-color, var(--mat-sys-primary));
}
.mat-mdc-raised-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-protected-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-raised-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-protected-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-raised-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-raised-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-raised-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-protected-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-raised-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-protected-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-raised-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-protected-touch-target-size, 48px);
  display: var(--mat-button-protected-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}
.mat-mdc-raised-button:not(:disabled) {
  color: var(--mat-button-protected-label-text-color, var(--mat-sys-primary));
  background-color: var(--mat-button-protected-container-color, var(--mat-sys-surface));
}
.mat-mdc-raised-button, .mat-mdc-raised-button .mdc-button__ripple {
  border-radius: var(--mat-button-protected-container-shape, var(--mat-sys-corner-full));
}
@media (hover: hover) {
  .mat-mdc-raised-button:hover {
    box-shadow: var(--mat-button-protected-hover-container-elevation-shadow, var(--mat-sys-level2));
  }
}
.mat-mdc-raised-button:focus {
  box-shadow: var(--mat-button-protected-focus-container-elevation-shadow, var(--mat-sys-level1));
}
.mat-mdc-raised-button:active, .mat-mdc-raised-button:focus:active {
  box-shadow: var(--mat-button-protected-pressed-container-elevation-shadow, var(--mat-sys-level1));
}
.mat-mdc-raised-button[disabled], .mat-mdc-raised-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-protected-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  background-color: var(--mat-button-protected-disabled-container-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-mdc-raised-button[disabled].mat-mdc-button-disabled, .mat-mdc-raised-button.mat-mdc-button-disabled.mat-mdc-button-disabled {
  box-shadow: var(--mat-button-protected-disabled-container-elevation-shadow, var(--mat-sys-level0));
}
.mat-mdc-raised-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}

.mat-mdc-outlined-button {
  border-style: solid;
  transition: border 280ms cubic-bezier(0.4, 0, 0.2, 1);
  height: var(--mat-button-outlined-container-height, 40px);
  font-family: var(--mat-button-outlined-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-outlined-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-outlined-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-outlined-label-text-transform);
  font-weight: var(--mat-button-outlined-label-text-weight, var(--mat-sys-label-large-weight));
  border-radius: var(--mat-button-outlined-container-shape, var(--mat-sys-corner-full));
  border-width: var(--mat-button-outlined-outline-width, 1px);
  padding: 0 var(--mat-button-outlined-horizontal-padding, 24px);
}
.mat-mdc-outlined-button > .mat-icon {
  margin-right: var(--mat-button-outlined-icon-spacing, 8px);
  margin-left: var(--mat-button-outlined-icon-offset, -8px);
}
[dir=rtl] .mat-mdc-outlined-button > .mat-icon {
  margin-right: var(--mat-button-outlined-icon-offset, -8px);
  margin-left: var(--mat-button-outlined-icon-spacing, 8px);
}
.mat-mdc-outlined-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-outlined-icon-offset, -8px);
  margin-left: var(--mat-button-outlined-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-outlined-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-outlined-icon-spacing, 8px);
  margin-left: var(--mat-button-outlined-icon-offset, -8px);
}
.mat-mdc-outlined-button .mat-ripple-element {
  background-color: var(--mat-button-outlined-ripple-color, color-mix(in srgb, var(--mat-sys-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-outlined-state-layer-color, var(--mat-sys-primary));
}
.mat-mdc-outlined-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-outlined-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-outlined-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-outlined-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-outlined-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-outlined-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-outlined-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-outlined-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-outlined-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-outlined-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-outlined-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-outlined-touch-target-size, 48px);
  display: var(--mat-button-outlined-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}
.mat-mdc-outlined-button:not(:disabled) {
  color: var(--mat-button-outlined-label-text-color, var(--mat-sys-primary));
  border-color: var(--mat-button-outlined-outline-color, var(--mat-sys-outline));
}
.mat-mdc-outlined-button[disabled], .mat-mdc-outlined-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-outlined-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  border-color: var(--mat-button-outlined-disabled-outline-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-mdc-outlined-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}

.mat-tonal-button {
  transition: box-shadow 280ms cubic-bezier(0.4, 0, 0.2, 1);
  height: var(--mat-button-tonal-container-height, 40px);
  font-family: var(--mat-button-tonal-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-tonal-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-tonal-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-tonal-label-text-transform);
  font-weight: var(--mat-button-tonal-label-text-weight, var(--mat-sys-label-large-weight));
  padding: 0 var(--mat-button-tonal-horizontal-padding, 24px);
}
.mat-tonal-button:not(:disabled) {
  color: var(--mat-button-tonal-label-text-color, var(--mat-sys-on-secondary-container));
  background-color: var(--mat-button-tonal-container-color, var(--mat-sys-secondary-container));
}
.mat-tonal-button, .mat-tonal-button .mdc-button__ripple {
  border-radius: var(--mat-button-tonal-container-shape, var(--mat-sys-corner-full));
}
.mat-tonal-button[disabled], .mat-tonal-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-tonal-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  background-color: var(--mat-button-tonal-disabled-container-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-tonal-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}
.mat-tonal-button > .mat-icon {
  margin-right: var(--mat-button-tonal-icon-spacing, 8px);
  margin-left: var(--mat-button-tonal-icon-offset, -8px);
}
[dir=rtl] .mat-tonal-button > .mat-icon {
  margin-right: var(--mat-button-tonal-icon-offset, -8px);
  margin-left: var(--mat-button-tonal-icon-spacing, 8px);
}
.mat-tonal-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-tonal-icon-offset, -8px);
  margin-left: var(--mat-button-tonal-icon-spacing, 8px);
}
[dir=rtl] .mat-tonal-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-tonal-icon-spacing, 8px);
  margin-left: var(--mat-button-tonal-icon-offset, -8px);
}
.mat-tonal-button .mat-ripple-element {
  background-color: var(--mat-button-tonal-ripple-color, color-mix(in srgb, var(--mat-sys-on-secondary-container) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-tonal-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-tonal-state-layer-color, var(--mat-sys-on-secondary-container));
}
.mat-tonal-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-tonal-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-tonal-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-tonal-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-tonal-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-tonal-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-tonal-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-tonal-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-tonal-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-tonal-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-tonal-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-tonal-touch-target-size, 48px);
  display: var(--mat-button-tonal-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}

.mat-mdc-button,
.mat-mdc-unelevated-button,
.mat-mdc-raised-button,
.mat-mdc-outlined-button,
.mat-tonal-button {
  -webkit-tap-highlight-color: transparent;
}
.mat-mdc-button .mat-mdc-button-ripple,
.mat-mdc-button .mat-mdc-button-persistent-ripple,
.mat-mdc-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-unelevated-button .mat-mdc-button-ripple,
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple,
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-raised-button .mat-mdc-button-ripple,
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple,
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-outlined-button .mat-mdc-button-ripple,
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple,
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple::before,
.mat-tonal-button .mat-mdc-button-ripple,
.mat-tonal-button .mat-mdc-button-persistent-ripple,
.mat-tonal-button .mat-mdc-button-persistent-ripple::before {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  pointer-events: none;
  border-radius: inherit;
}
.mat-mdc-button .mat-mdc-button-ripple,
.mat-mdc-unelevated-button .mat-mdc-button-ripple,
.mat-mdc-raised-button .mat-mdc-button-ripple,
.mat-mdc-outlined-button .mat-mdc-button-ripple,
.mat-tonal-button .mat-mdc-button-ripple {
  overflow: hidden;
}
.mat-mdc-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple::before,
.mat-tonal-button .mat-mdc-button-persistent-ripple::before {
  content: "";
  opacity: 0;
}
.mat-mdc-button .mdc-button__label,
.mat-mdc-button .mat-icon,
.mat-mdc-unelevated-button .mdc-button__label,
.mat-mdc-unelevated-button .mat-icon,
.mat-mdc-raised-button .mdc-button__label,
.mat-mdc-raised-button .mat-icon,
.mat-mdc-outlined-button .mdc-button__label,
.mat-mdc-outlined-button .mat-icon,
.mat-tonal-button .mdc-button__label,
.mat-tonal-button .mat-icon {
  z-index: 1;
  position: relative;
}
.mat-mdc-button .mat-focus-indicator,
.mat-mdc-unelevated-button .mat-focus-indicator,
.mat-mdc-raised-button .mat-focus-indicator,
.mat-mdc-outlined-button .mat-focus-indicator,
.mat-tonal-button .mat-focus-indicator {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  border-radius: inherit;
}
.mat-mdc-button:focus-visible > .mat-focus-indicator::before,
.mat-mdc-unelevated-button:focus-visible > .mat-focus-indicator::before,
.mat-mdc-raised-button:focus-visible > .mat-focus-indicator::before,
.mat-mdc-outlined-button:focus-visible > .mat-focus-indicator::before,
.mat-tonal-button:focus-visible > .mat-focus-indicator::before {
  content: "";
  border-radius: inherit;
}
.mat-mdc-button._mat-animation-noopable,
.mat-mdc-unelevated-button._mat-animation-noopable,
.mat-mdc-raised-button._mat-animation-noopable,
.mat-mdc-outlined-button._mat-animation-noopable,
.mat-tonal-button._mat-animation-noopable {
  transition: none !important;
  animation: none !important;
}
.mat-mdc-button > .mat-icon,
.mat-mdc-unelevated-button > .mat-icon,
.mat-mdc-raised-button > .mat-icon,
.mat-mdc-outlined-button > .mat-icon,
.mat-tonal-button > .mat-icon {
  display: inline-block;
  position: relative;
  vertical-align: top;
  font-size: 1.125rem;
  height: 1.125rem;
  width: 1.125rem;
}

.mat-mdc-outlined-button .mat-mdc-button-ripple,
.mat-mdc-outlined-button .mdc-button__ripple {
  top: -1px;
  left: -1px;
  bottom: -1px;
  right: -1px;
}

.mat-mdc-unelevated-button .mat-focus-indicator::before,
.mat-tonal-button .mat-focus-indicator::before,
.mat-mdc-raised-button .mat-focus-indicator::before {
  margin: calc(calc(var(--mat-focus-indicator-border-width, 3px) + 2px) * -1);
}

.mat-mdc-outlined-button .mat-focus-indicator::before {
  margin: calc(calc(var(--mat-focus-indicator-border-width, 3px) + 3px) * -1);
}
`,`@media (forced-colors: active) {
  .mat-mdc-button:not(.mdc-button--outlined),
  .mat-mdc-unelevated-button:not(.mdc-button--outlined),
  .mat-mdc-raised-button:not(.mdc-button--outlined),
  .mat-mdc-outlined-button:not(.mdc-button--outlined),
  .mat-mdc-button-base.mat-tonal-button,
  .mat-mdc-icon-button.mat-mdc-icon-button,
  .mat-mdc-outlined-button .mdc-button__ripple {
    outline: solid 1px;
  }
}
`],encapsulation:2,changeDetection:0})}return r})();function Ii(r){return r.hasAttribute("mat-raised-button")?"elevated":r.hasAttribute("mat-stroked-button")?"outlined":r.hasAttribute("mat-flat-button")?"filled":r.hasAttribute("mat-button")?"text":null}export{en as a,on as b,nn as c,rn as d,sn as e,an as f,pn as g,ar as h,Fo as i,JP as j,WP as k,GP as l,mr as m,zP as n,KP as o,ZP as p,YP as q,lr as r,dr as s,Wr as t,dx as u,Qr as v,M as w,A as x,Xr as y,V as z,vn as A,N as B,gn as C,ri as D,rC as E,si as F,vi as G,yi as H,vC as I,Rn as J,lt as K,kC as L,OC as M,IC as N,VC as O,NC as P,Wo as Q,ZC as R,QC as S,$i as T,Ai as U,Iw as V,Fw as W};
